"""Metrics of a data set from per-image records, with intervals over images.

A bootstrap resample is a number of times that each image is taken, so that all resamples are one matrix product.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, norm

from mmssl_robust.evaluation.samples import LOWER_IS_BETTER, METRICS, Sample, ratio

LEVEL = 0.95
BOOTSTRAP, EXACT, NONE = 'bootstrap', 'Clopper-Pearson', 'none'
_BLOCK = 2**22  # numbers at a time


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

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval is on one side of zero."""
        return self.low > 0 or self.high < 0


def estimates(sample: Sample, resamples: int = 10000, seed: int = 0) -> dict[str, Estimate]:
    """Estimate a data set's metrics.

    Args:
        sample: Its images.
        resamples: Number of bootstrap resamples.
        seed: Of their random numbers.

    Returns:
        Metric -> estimate: the 95 % interval of the bootstrap over images, bias-corrected percentiles; that of Clopper
        and Pearson for an accuracy of 0 or 100 %, where the bootstrap has no width.
    """
    drawn = _drawn(sample.parts, sample.metrics, resamples, seed)
    found = _percentiles(sample.values(), drawn, len(sample.index))
    if sample.task == 'classification' and found['accuracy'].value in (0, 100):
        found['accuracy'] = _unanimous(found['accuracy'])
    return found


def compare(
    first: Sample, second: Sample, how: str = 'difference', resamples: int = 10000, seed: int = 0
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
    width = first.parts.shape[1]
    names = METRICS[first.task]
    inverted = np.array([name in LOWER_IS_BETTER for name in names])

    def compared(sums: np.ndarray) -> np.ndarray:
        old, new = first.metrics(sums[..., :width]), second.metrics(sums[..., width:])
        if how == 'difference':
            return new - old
        return 100 * ratio(np.where(inverted, old, new), np.where(inverted, new, old))

    parts = np.hstack([first.parts, second.parts])
    values = dict(zip(names, compared(parts.sum(axis=0)).tolist()))
    found = _percentiles(values, _drawn(parts, compared, resamples, seed), len(parts))
    if how == 'difference' and first.task == 'classification' and len(set(second.parts[:, 0] - first.parts[:, 0])) == 1:
        found['accuracy'] = _unanimous_difference(found['accuracy'])
    return found


def _drawn(parts: np.ndarray, metrics: Callable[[np.ndarray], np.ndarray], resamples: int, seed: int) -> np.ndarray:
    """Metrics (resamples, m) of bootstrap resamples."""
    if not len(parts):
        return metrics(parts.sum(axis=0))[None]
    return np.concatenate([metrics(sums) for sums in _resampled(parts, resamples, seed)])


def _resampled(parts: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Sums of parts of resamples, some of them at a time."""
    # Images that add the same are drawn as one: of 10000 classified images, two kinds.
    kinds, counts = np.unique(parts, axis=0, return_counts=True)
    rng = np.random.default_rng([seed, len(parts)])
    block = max(1, _BLOCK // max(kinds.shape))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        yield rng.multinomial(len(parts), counts / len(parts), size=size) @ kinds


def _percentiles(values: dict[str, float], drawn: np.ndarray, images: int) -> dict[str, Estimate]:
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


def _unanimous(accuracy: Estimate) -> Estimate:
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
    return Estimate(value, *(float(np.clip(end, -100, 100)) for end in ends), difference.images, EXACT)
