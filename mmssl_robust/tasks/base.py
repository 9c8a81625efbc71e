"""What a task is: everything that differs from one to another between a model's prediction and a line of a report.

A task imports neither PyTorch nor OpenMMLab, so that a report can be made where they are not installed; predictions are
handed to it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from mmssl_robust.utils.errors import UserError

from .contributions import Contributions, ratio
from .pictures import Example, Picture
from .worst_case import WorstCase

Kind = Literal['int32', 'float64', 'bool', 'list<int64>', 'list<float64>']


@dataclass(frozen=True)
class Metric:
    """A number of a data set.

    Attributes:
        name: Such as ``'mIoU'``.
        label: Such as ``'top-1 accuracy'``.
        unit: ``'%'``, ``'m'``, or empty.
        higher_is_better: Whether it is a quality and no error.
        is_share: Whether it is the share of images of which something is true, so that an exact interval is known.
        stock: What the OpenMMLab metric calls it, where that is another name.
        is_optional: Whether records may be without it.

    Examples:
        >>> from mmssl_robust.tasks import Metric
        >>> rmse = Metric('rmse', 'RMSE', 'm', higher_is_better=False)
        >>> rmse.show(0.85), rmse.axis, rmse.better(0.85, than=1.2)
        ('0.850 m', 'RMSE (m), lower is better', True)
    """

    name: str
    label: str
    unit: str = ''
    higher_is_better: bool = True
    is_share: bool = False
    stock: str = ''
    is_optional: bool = False

    @property
    def description(self) -> str:
        """Label, unit, and which way is better where that is not up."""
        return ', '.join(filter(None, (self.label, self.unit))) + ('' if self.higher_is_better else '; lower is better')

    @property
    def stock_name(self) -> str:
        """What the OpenMMLab metric calls it."""
        return self.stock or self.name

    @property
    def axis(self) -> str:
        """The same for the axis of a figure."""
        unit = f' ({self.unit})' if self.unit else ''
        return f'{self.label}{unit}' + ('' if self.higher_is_better else ', lower is better')

    @property
    def decimals(self) -> int:
        """Digits after the point that say something."""
        return 1 if self.unit == '%' else 3

    def show(self, value: float, signed: bool = False) -> str:
        """A value with its unit."""
        if pd.isna(value):
            return 'n/a'
        number = f'{value:{"+" if signed else ""}.{self.decimals}f}'
        return f'{number} {self.unit}'.strip()

    def better(self, value: float, than: float) -> bool:
        """Whether a value is better than another."""
        return value > than if self.higher_is_better else value < than


@dataclass(frozen=True)
class Column:
    """A column of a task's records.

    Attributes:
        name: Its name.
        kind: Its type.
        description: What it holds.
        is_optional: Whether records may be without it.

    Examples:
        >>> from mmssl_robust.tasks import Column, task_named
        >>> task_named('classification').columns[0] == Column('label', 'int32', 'the true class')
        True
    """

    name: str
    kind: Kind
    description: str
    is_optional: bool = False


class Task(ABC):
    """A task. Each is one object, registered by :func:`mmssl_robust.tasks.register_task`.

    Examples:
        >>> from mmssl_robust.tasks import task_named
        >>> task = task_named('depth')
        >>> task.metric.name, task.quality, task.attacks, task.strongest
        ('rmse', 'minus RMSE (m)', ('embed', 'depthpgd'), 'depth-ensemble')
    """

    name: ClassVar[str]
    """``'classification'``, ..."""

    metrics: ClassVar[tuple[Metric, ...]]
    """The first is the one of the tables."""

    columns: ClassVar[tuple[Column, ...]]
    """What is recorded of a prediction, besides ``quality``."""

    truth: ClassVar[tuple[str, ...]] = ()
    """Names of the columns that follow from the ground truth alone, the same in all records of an image."""

    coarse: ClassVar[tuple[str, ...]] = ()
    """Names of the columns that are shares of a few things, which rounding may change by one of them."""

    quality: ClassVar[str]
    """What ``quality``, higher is better, is of a prediction."""

    stock_metrics: ClassVar[tuple[str, ...]]
    """Names of the classes of OpenMMLab's metrics that follow from the columns."""

    attacks: ClassVar[tuple[str, ...]]
    """Presets that a benchmark runs unless it is told others."""

    strongest: ClassVar[str]
    """The preset whose result to report as robustness."""

    objective: ClassVar[str]
    """Name of the class from which the objectives on its prediction are derived."""

    targeted: ClassVar[str | None] = None
    """Name of the objective that wants one certain wrong answer."""

    sanity_images: ClassVar[int] = 4
    """On how many images a benchmark looks whether its attacks are believable."""

    outputs: ClassVar[Literal['classes', 'labels', 'lengths'] | None] = None
    """What a model's outputs are scores or values of, by which another model's prediction is followed: the highest of
    several classes, each label of several, or a positive length; None if nothing is said of how to compare them."""

    per_pixel: ClassVar[bool] = False
    """Whether predictions are of pixels, so that those of a patch's own pixels are left out."""

    has_classes: ClassVar[bool] = True
    """Whether names of classes mean anything to it."""

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of its metrics."""
        return tuple(metric.name for metric in self.metrics)

    @property
    def metric(self) -> Metric:
        """The one of the tables."""
        return self.metrics[0]

    def metric_named(self, name: str) -> Metric:
        """One of its metrics."""
        return next(metric for metric in self.metrics if metric.name == name)

    def follows(self, metric: Any) -> bool:
        """Whether an OpenMMLab metric follows from what is recorded."""
        return any(kind.__name__ in self.stock_metrics for kind in type(metric).__mro__)

    @abstractmethod
    def record(self, metric: Any, sample: Any) -> dict[str, Any]:
        """Return the columns of a prediction, and ``quality``; empty where there is no ground truth.

        Args:
            metric: The OpenMMLab metric, as the config sets it.
            sample: The prediction with its ground truth.
        """

    @abstractmethod
    def contributions(self, records: pd.DataFrame) -> Contributions:
        """Take from the records of an attack, one for each image, what the metrics need; images without stay out."""

    @abstractmethod
    def metric_values(self, parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the metrics of resamples.

        Args:
            parts: (n, k), see :class:`Contributions`.
            weights: (r, n), how often each image is in each resample.

        Returns:
            (r, m), in the order of :attr:`metrics`.
        """

    def chance(self, records: pd.DataFrame) -> float | None:
        """The first metric of who knows the ground truth's statistics and never looks at an image; None if not known.

        Args:
            records: One for each image, of which only what follows from the ground truth is read.
        """
        return None

    def is_right(self, records: pd.DataFrame) -> pd.Series | None:
        """Whether each prediction is right; None where predictions are more or less good."""
        return None

    def is_consistent(self, records: pd.DataFrame) -> pd.Series:
        """Whether each record may be of a prediction: its columns and its quality do not contradict each other."""
        return pd.Series(True, index=records.index)

    def worst(self, records: pd.DataFrame) -> WorstCase:
        """Choose for each image the record that harms the first metric most; see :func:`.worst_case.worst_of`."""
        right = self.is_right(records)
        columns = ['index', 'quality']
        if right is not None:
            records, columns = records.assign(_right=right), ['index', '_right', 'quality']
        ordered = records.sort_values(columns, kind='stable', na_position='first')
        return WorstCase(ordered.drop_duplicates('index').drop(columns=['_right'], errors='ignore'))

    @abstractmethod
    def example(self, clean: Any, attacked: Any) -> dict[str, Any]:
        """Return what a picture shows of two predictions of an image, for :class:`.pictures.Example`.

        Returns:
            ``arrays``: name -> array of maps, and ``facts``: name -> what is no array.
        """

    def pictures(self, example: Example, info: Mapping[str, Any]) -> list[Picture]:
        """Return the predictions and the ground truth as pictures; none where words say all.

        Args:
            example: An image under attack.
            info: ``classes`` and ``palette`` of the data set, where it has them.
        """
        return []

    def captions(self, example: Example, info: Mapping[str, Any]) -> tuple[str, str, str]:
        """Return words beside the image, and after "clean" and "adversarial"; empty where there is nothing to say."""
        return '', '', ''


class MeanTask(Task):
    """A task whose metrics are means over images of columns of the same names.

    Examples:
        >>> import pandas as pd
        >>> from mmssl_robust.tasks import MeanTask, Metric
        >>> class Counting(MeanTask):
        ...     metrics = (Metric('error', 'miscounted', higher_is_better=False),)
        ...     record = example = None  # of predictions, which are not needed here
        >>> records = pd.DataFrame(dict(index=[0, 1, 2], error=[1.0, 3.0, None]))  # of the last no truth is known
        >>> Counting().contributions(records).values()
        {'error': 2.0}
    """

    def contributions(self, records: pd.DataFrame) -> Contributions:
        """Return the columns and a 1; images without stay out."""
        records = records[records[self.metric_names[0]].notna()]
        values = records.reindex(columns=list(self.metric_names)).to_numpy(float)  # NaN for what is optional
        return Contributions(self, records['index'].to_numpy(), np.column_stack([values, np.ones(len(records))]))

    def metric_values(self, parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the means, of shares in percent."""
        sums = weights @ parts
        scale = np.array([100 if metric.unit == '%' else 1 for metric in self.metrics])
        means: np.ndarray = scale * ratio(sums[..., :-1], sums[..., -1:])
        return means


def check_task(task: Task) -> Task:
    """Return a task that says all that it must.

    Raises:
        UserError: Names what is missing.
    """
    wanted = ('name', 'metrics', 'columns', 'quality', 'stock_metrics', 'attacks', 'strongest', 'objective')
    missing = [name for name in wanted if not getattr(task, name, None)]
    if missing:
        raise UserError(f'the task {type(task).__name__} lacks {", ".join(missing)}: see docs/extending.md')
    return task
