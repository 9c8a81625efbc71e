"""Real outputs: how far the median over noisy images can be moved.

Chiang, Curry, Abdelkader, Kumar, Dickerson, Goldstein, *Detection as Regression: Certified Object Detection by Median
Smoothing*, NeurIPS 2020. Within L2 radius r the median lies between the quantiles Phi(-r / sigma) and Phi(r / sigma) of
the output under noise, and order statistics of a sample bound these.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from .smoothing import Smoothing


def certify_median(
    samples: np.ndarray, smoothing: Smoothing, radii: Sequence[float], least: float, most: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Bound the medians of several outputs of one image under any perturbation, all of them at once.

    Args:
        samples: (n, ...), outputs for ``smoothing.n`` noisy images; sorted in place.
        smoothing: With probability ``1 - alpha`` all bounds of one radius hold, by Bonferroni's correction.
        radii: L2 radii.
        least: What no output is below; the bound where the sample is too small for another.
        most: What no output is above, likewise.

    Returns:
        For each radius lower and upper bounds, of the shape of an output.

    Examples:
        >>> import numpy as np
        >>> from mmssl_robust.certified import Smoothing, certify_median
        >>> depth = np.arange(1001.0)[:, None] / 1000  # of one pixel, under 1001 draws: 0 to 1 m, median 0.5 m
        >>> smoothing = Smoothing(sigma=0.25, n=1001)
        >>> ((low, high),) = certify_median(depth, smoothing, radii=[0.1], least=0, most=10)
        >>> low.round(1), high.round(1)  # 0.34 and 0.66 of the draws, less what the sample may be off
        (array([0.3]), array([0.7]))
    """
    n = len(samples)
    samples.sort(axis=0)
    alpha = smoothing.alpha / (2 * max(samples[0].size, 1))
    bounds = []
    for radius in radii:
        share = smoothing.share(radius)
        low, high = ranks(n, 1 - share, alpha)[0], ranks(n, share, alpha)[1]
        below = samples[low - 1] if low else np.full_like(samples[0], least)
        above = samples[high - 1] if high <= n else np.full_like(samples[0], most)
        bounds.append((np.clip(below, least, most), np.clip(above, least, most)))
    return bounds


def ranks(n: int, share: float, alpha: float) -> tuple[int, int]:
    """Ranks of the order statistics, the smallest having rank 1, that bound a quantile from below and from above.

    Args:
        n: Size of the sample.
        share: Which quantile.
        alpha: Probability that a bound is wrong.

    Returns:
        The largest rank whose value is above the quantile with probability ``alpha`` at most, 0 if none is; and the
        smallest whose value is below it with probability ``alpha`` at most, n + 1 if none is.

    Examples:
        >>> from mmssl_robust.certified import ranks
        >>> ranks(10, share=0.5, alpha=0.002)  # (1/2)^10 = 0.00098: of ten values the least is below the median
        (1, 10)
        >>> ranks(10, share=0.5, alpha=0.0009)  # nothing can be said
        (0, 11)
    """
    # P[value of rank k is above the quantile] <= P[Bin(n, share) <= k - 1], and below it <= P[Bin(n, share) >= k].
    places = np.arange(n + 1)
    low = int((binom.cdf(places[:-1], n, share) <= alpha).sum())
    high = n + 1 - int((binom.sf(places[:-1], n, share) <= alpha).sum())
    return low, high
