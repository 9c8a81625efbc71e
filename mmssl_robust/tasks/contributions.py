"""What images add to the metrics of a data set, from which any share of the images gives them anew."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

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


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return the quotients, NaN where the divisor is 0."""
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.where(below > 0, above / below, np.nan)


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis without what is NaN; NaN if all is."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))
