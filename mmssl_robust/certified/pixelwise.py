"""Segmentation: the class of each pixel, with abstentions, so that all of an image that is certified holds at once.

Fischer, Baader, Vechev, *Scalable Certified Segmentation via Randomized Smoothing*, ICML 2021, algorithm SegCertify.
"""

import numpy as np
from scipy.stats import binom

from .smoothing import Smoothing


def certify_pixels(counts: np.ndarray, smoothing: Smoothing, tau: float) -> np.ndarray:
    """Say of which pixels the class that other draws have chosen is certified, at L2 radius sigma Phi^-1(tau).

    Args:
        counts: How many of the ``smoothing.n`` draws give each pixel its class, integers of any shape: all of an image.
        smoothing: With probability ``1 - alpha`` all that is certified of the image is right.
        tau: How often a pixel must have its class, from 0.5 on.

    Returns:
        bool, of the shape of the counts; False where it abstains.

    Examples:
        >>> import numpy as np
        >>> from mmssl_robust.certified import Smoothing, certify_pixels
        >>> smoothing = Smoothing(sigma=0.25, n=100)
        >>> counts = np.array([[100, 99], [80, 50]])  # how many of 100 draws give each pixel its class
        >>> certify_pixels(counts, smoothing, tau=0.75)
        array([[ True,  True],
               [False, False]])
    """
    # P[Bin(n, tau) >= count], by which a share of tau or less is rejected.
    values = binom.sf(np.arange(smoothing.n + 1) - 1, smoothing.n, tau)
    return holm(values[counts], smoothing.alpha)


def holm(p_values: np.ndarray, alpha: float) -> np.ndarray:
    """Reject hypotheses so that with probability 1 - alpha none that is true is among them.

    Holm, *A simple sequentially rejective multiple test procedure*, 1979: the smallest of N p-values is compared with
    alpha / N, the next with alpha / (N - 1), and so on until one is larger.

    Args:
        p_values: Of any shape.
        alpha: Probability of a false rejection.

    Returns:
        bool, of the same shape: which are rejected.

    Examples:
        >>> import numpy as np
        >>> from mmssl_robust.certified import holm
        >>> holm(np.array([0.01, 0.04, 0.03]), alpha=0.05)  # 0.01 <= 0.05 / 3, but 0.03 > 0.05 / 2
        array([ True, False, False])
    """
    values = p_values.ravel()
    order = np.argsort(values, kind='stable')
    passed = values[order] <= alpha / np.arange(len(values), 0, -1)
    rejected = np.zeros(len(values), bool)
    rejected[order[: len(values) if passed.all() else passed.argmin()]] = True
    return rejected.reshape(p_values.shape)
