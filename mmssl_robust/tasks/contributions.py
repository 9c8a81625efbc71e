"""What images add to the metrics of a data set, from which any share of the images gives them anew."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .base import Task


@dataclass(frozen=True)
class Contributions:
    """What images add to a data set's metrics.

    Attributes:
        task: Their task, which knows what the parts are.
        index: (n,), indices of the images.
        parts: (n, k), a row for each image.

    Examples:
        >>> import numpy as np
        >>> import pandas as pd
        >>> from mmssl_robust.tasks import task_named
        >>> records = pd.DataFrame(dict(index=[0, 1, 2, 3], label=[7, 7, 2, 2], prediction=[7, 7, 2, 0]))
        >>> contributions = task_named('classification').contributions(records)
        >>> contributions.values(), contributions.only(np.array([2, 3])).values()
        ({'accuracy': 75.0}, {'accuracy': 50.0})
    """

    task: 'Task'
    index: np.ndarray
    parts: np.ndarray

    def only(self, index: np.ndarray) -> 'Contributions':
        """The images with these indices."""
        chosen = np.isin(self.index, index)
        return Contributions(self.task, self.index[chosen], self.parts[chosen])

    def values(self) -> dict[str, float]:
        """Metric -> value, of all images."""
        values = self.task.metric_values(self.parts, np.ones((1, len(self.parts))))[0]
        return dict(zip(self.task.metric_names, values.tolist()))


class _Averaged:
    """A task whose metrics are means over several evaluations, whose parts lie side by side."""

    def __init__(self, task: 'Task', number: int) -> None:
        self._task, self._number = task, number
        # Of a mean of shares no exact interval is known.
        self.metrics = tuple(replace(metric, is_share=False) for metric in task.metrics)

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_'):
            raise AttributeError(name)
        return getattr(self._task, name)

    def metric_values(self, parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
        values = [self._task.metric_values(part, weights) for part in np.split(parts, self._number, axis=1)]
        mean: np.ndarray = np.mean(values, axis=0)
        return mean


def averaged(several: Sequence[Contributions]) -> Contributions:
    """What images add to the means of the metrics over several evaluations of them.

    Args:
        several: One for each evaluation.

    Raises:
        ValueError: If they are not of the same images.
    """
    first = several[0]
    if not all(np.array_equal(first.index, other.index) for other in several):
        raise ValueError('not the same images')
    task: Any = _Averaged(first.task, len(several))
    return Contributions(task, first.index, np.hstack([one.parts for one in several]))


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return the quotients, NaN where the divisor is 0."""
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.where(below > 0, above / below, np.nan)


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis without what is NaN; NaN if all is."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))
