"""Tasks, each an object in a file of its own. Nothing here imports PyTorch or OpenMMLab."""

from typing import Any

from mmssl_robust.utils.errors import UserError

from .base import Column, MeanTask, Metric, Task, check_task
from .classification import Classification
from .contributions import Contributions
from .depth import Depth
from .embedding import Embedding
from .multi_label import MultiLabel
from .pictures import Example, Picture
from .retrieval import Retrieval
from .segmentation import Segmentation
from .worst_case import WorstCase, by_budget, fallen_and_risen, worst_of

__all__ = [
    'Classification',
    'Column',
    'Contributions',
    'Depth',
    'Embedding',
    'Example',
    'MeanTask',
    'Metric',
    'MultiLabel',
    'Picture',
    'Retrieval',
    'Segmentation',
    'Task',
    'TASKS',
    'WorstCase',
    'by_budget',
    'fallen_and_risen',
    'find_task',
    'register_task',
    'task_named',
    'task_of_metric',
    'worst_of',
]

TASKS: dict[str, Task] = {}
"""Name -> task, in the order of a report."""


def register_task(kind: type[Task]) -> type[Task]:
    """Make a task known by its name; a decorator of its class.

    Raises:
        UserError: If it lacks something, or another has its name.

    Examples:
        >>> from mmssl_robust.tasks import TASKS, Classification, register_task
        >>> @register_task
        ... class Attributes(Classification):
        ...     name, stock_metrics = 'attributes', ('AttributeAccuracy',)
        >>> list(TASKS)
        ['classification', 'segmentation', 'depth', 'multi-label', 'retrieval', 'embedding', 'attributes']
        >>> del TASKS['attributes']  # as if it had never been
    """
    task = check_task(kind())
    known = TASKS.get(task.name)
    if known is not None and (type(known).__module__, type(known).__qualname__) != (kind.__module__, kind.__qualname__):
        raise UserError(f'two tasks are called {task.name!r}: give one another name')
    TASKS[task.name] = task
    return kind


for kind in (Classification, Segmentation, Depth, MultiLabel, Retrieval, Embedding):
    register_task(kind)


def task_named(name: str) -> Task:
    """Return a task.

    Raises:
        UserError: If it is unknown.

    Examples:
        >>> from mmssl_robust.tasks import task_named
        >>> task_named('segmentation').metric.label
        'mIoU'
    """
    if not isinstance(name, str) or name not in TASKS:
        raise UserError(
            f'unknown task {name!r}: use one of {", ".join(TASKS)}, or import the file that defines it '
            '(custom_imports in a suite, --import for records)'
        )
    return TASKS[name]


def find_task(metric: Any) -> Task | None:
    """Return the task that names the metric's class, or the nearest of its parents; None if none does.

    Examples:
        >>> from mmpretrain.evaluation import Accuracy
        >>> from mmssl_robust.tasks import find_task
        >>> find_task(Accuracy()).name
        'classification'
        >>> print(find_task(object()))
        None
    """
    for kind in type(metric).__mro__:
        for task in TASKS.values():
            if kind.__name__ in task.stock_metrics:
                return task
    return None


def task_of_metric(metric: Any) -> Task:
    """Return the task whose records hold what an OpenMMLab metric needs.

    Raises:
        UserError: If there is none.

    Examples:
        >>> from mmseg.evaluation import IoUMetric
        >>> from mmssl_robust.tasks import task_of_metric
        >>> task_of_metric(IoUMetric()).name
        'segmentation'
        >>> task_of_metric(object())
        Traceback (most recent call last):
        ...
        mmssl_robust.utils.errors.UserError: records know no object: use one of Accuracy, ...
    """
    task = find_task(metric)
    if task is not None:
        return task
    known = ', '.join(name for task in TASKS.values() for name in task.stock_metrics)
    raise UserError(f'records know no {type(metric).__name__}: use one of {known}')
