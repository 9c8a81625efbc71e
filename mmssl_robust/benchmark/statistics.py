"""Metrics of a data set from per-image records, with intervals over images.

A bootstrap resample is a number of times that each image is taken.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, norm

from mmssl_robust.tasks import Contributions
from mmssl_robust.tasks.contributions import ratio
from mmssl_robust.utils.errors import UserError

LEVEL = 0.95
MOST_RESAMPLES = 10**6
BOOTSTRAP, EXACT, NONE = 'bootstrap', 'Clopper-Pearson', 'none'
ENOUGH = 60
"""Images from which on the interval of a mIoU, which is no mean over images, is wide enough."""
TOO_NARROW = f'From fewer than about {ENOUGH} images the intervals of a mIoU are too narrow'
_BLOCK = 2**22  # numbers at a time
Metrics = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Metrics (r, m) of parts (n, k) with weights (r, n)."""


@dataclass(frozen=True)
class Estimate:
    """A number and its interval.

    Attributes:
        value: The number.
        low: Lower end of the 95 % interval; NaN if there is none.
        high: Upper end, likewise.
        images: From how many images.
        method: ``'bootstrap'``, ``'Clopper-Pearson'``, or ``'none'`` where all images agree and no formula helps.
    """

    value: float
    low: float
    high: float
    images: int
    method: str


def estimates(found: Contributions, resamples: int = 10000, seed: int = 0) -> dict[str, Estimate]:
    """Estimate a data set's metrics.

    Args:
        found: What its images add to them.
        resamples: Number of bootstrap resamples.
        seed: Of their random numbers.

    Returns:
        Metric -> estimate: the 95 % interval of the bootstrap over images, bias-corrected percentiles; that of Clopper
        and Pearson for an accuracy of 0 or 100 %, where the bootstrap has no width. Optional metrics that the records
        are without are left out.
    """
    drawn = drawn_metrics(found.parts, found.task.metric_values, resamples, seed)
    estimated = with_intervals(found.values(), drawn, len(found.index))
    for metric in found.task.metrics:
        if metric.is_share and estimated[metric.name].value in (0, 100):
            estimated[metric.name] = unanimous(estimated[metric.name])
        elif metric.is_optional and np.isnan(estimated[metric.name].value):
            del estimated[metric.name]
    return estimated


def compare(
    first: Contributions, second: Contributions, how: str = 'difference', resamples: int = 10000, seed: int = 0
) -> dict[str, Estimate]:
    """Compare two evaluations of the same images; a resample takes an image from both.

    Args:
        first: What is compared with, such as the clean images.
        second: What is compared, such as the attacked ones.
        how: ``'difference'``: second minus first; ``'kept'``: the share of the first's quality that the second keeps,
            second / first in percent, or first / second for errors.
        resamples: Number of bootstrap resamples.
        seed: Of their random numbers.

    Returns:
        Metric -> estimate.

    Raises:
        ValueError: If the images differ.
    """
    if not np.array_equal(first.index, second.index):
        raise ValueError('not the same images')
    width, task = first.parts.shape[1], first.task
    inverted = np.array([not metric.higher_is_better for metric in task.metrics])

    def compared(parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
        old, new = task.metric_values(parts[:, :width], weights), task.metric_values(parts[:, width:], weights)
        if how == 'difference':
            return new - old
        return 100 * ratio(np.where(inverted, old, new), np.where(inverted, new, old))

    parts = np.hstack([first.parts, second.parts])
    values = dict(zip(task.metric_names, compared(parts, np.ones((1, len(parts))))[0].tolist()))
    found = with_intervals(values, drawn_metrics(parts, compared, resamples, seed), len(parts))
    for place, metric in enumerate(task.metrics):
        # The parts of a share are the images' ones and zeros.
        if how == 'difference' and metric.is_share and len(set(second.parts[:, place] - first.parts[:, place])) == 1:
            found[metric.name] = _unanimous_difference(found[metric.name])
    return found


def drawn_metrics(parts: np.ndarray, metrics: Metrics, resamples: int, seed: int) -> np.ndarray:
    """Metrics (resamples, m) of bootstrap resamples of images.

    Raises:
        UserError: If there are more than :data:`MOST_RESAMPLES`.
    """
    if resamples > MOST_RESAMPLES:
        raise UserError(
            f'{resamples} resamples of the bootstrap: {MOST_RESAMPLES} are the most, and change no digit that counts'
        )
    if not len(parts):
        return metrics(parts, np.ones((1, 0)))
    return np.concatenate([metrics(kinds, weights) for kinds, weights in _resampled(parts, resamples, seed)])


def _resampled(parts: np.ndarray, resamples: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Parts, and how often each is taken in some of the resamples at a time."""
    # Images that add the same are drawn as one: of 10000 classified images, two kinds.
    kinds, counts = np.unique(parts, axis=0, return_counts=True)
    rng = np.random.default_rng([seed, len(parts)])
    block = max(1, _BLOCK // max(kinds.shape))
    for start in range(0, resamples, block):
        yield kinds, rng.multinomial(len(parts), counts / len(parts), size=min(block, resamples - start))


def with_intervals(values: dict[str, float], drawn: np.ndarray, images: int) -> dict[str, Estimate]:
    """Values with the intervals that resamples (r, m) of them give."""
    found = {}
    for (name, value), column in zip(values.items(), drawn.T):
        column = column[~np.isnan(column)]  # a resample without a single valid pixel
        low, high = np.quantile(column, _levels(column, value)) if len(column) else (np.nan, np.nan)
        # Sums of equal numbers differ by rounding.
        agree = not high - low > 1e-9 * max(abs(value), 1e-9)
        low, high = (np.nan, np.nan) if agree else (float(low), float(high))
        found[name] = Estimate(value, low, high, images, NONE if agree else BOOTSTRAP)
    return found


def _levels(drawn: np.ndarray, value: float) -> np.ndarray:
    """Quantiles to take: of a metric whose resamples lie to one side of it, such as a mIoU, as much to the other.

    The bias-corrected percentile method of Efron, *Nonparametric standard errors and confidence intervals*, 1981.
    """
    below = (np.mean(drawn < value) + np.mean(drawn <= value)) / 2
    shift = norm.ppf(np.clip(below, 1 / len(drawn), 1 - 1 / len(drawn)))
    return norm.cdf(2 * shift + norm.ppf([(1 - LEVEL) / 2, (1 + LEVEL) / 2]))


def unanimous(accuracy: Estimate) -> Estimate:
    """An accuracy of 0 or 100 % with the interval of Clopper and Pearson; the bootstrap has none."""
    right = accuracy.images if accuracy.value else 0
    interval = binomtest(right, accuracy.images).proportion_ci(LEVEL, 'exact')
    return Estimate(accuracy.value, 100 * interval.low, 100 * interval.high, accuracy.images, EXACT)


def _unanimous_difference(difference: Estimate) -> Estimate:
    """Bounds where every image says the same: at most this share of all images may say otherwise."""
    otherwise = 100 * binomtest(0, difference.images).proportion_ci(LEVEL, 'exact').high
    value = difference.value
    if value == 0:
        return Estimate(value, -otherwise, otherwise, difference.images, EXACT)
    ends = sorted([value, value - np.sign(value) * 2 * otherwise])
    low, high = (float(np.clip(end, -100, 100)) for end in ends)
    return Estimate(value, low, high, difference.images, EXACT)
