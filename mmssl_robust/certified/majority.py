"""Classification: the class that the noisy image has most often, and how far it is from losing that place.

Cohen, Rosenfeld, Kolter, *Certified Adversarial Robustness via Randomized Smoothing*, ICML 2019, algorithm CERTIFY.
"""

from typing import NamedTuple

from scipy.stats import beta

from .smoothing import Smoothing


class Certificate(NamedTuple):
    """What is known of a smoothed classifier at one image.

    Attributes:
        label: Its class.
        share: Lower bound of how often the noisy image has it.
        radius: L2 radius within which no perturbation changes the class; None if nothing is certified.

    Examples:
        >>> from mmssl_robust.certified import Certificate
        >>> label, share, radius = Certificate(label=7, share=0.9931, radius=0.62)
        >>> label, radius
        (7, 0.62)
    """

    label: int
    share: float
    radius: float | None


def certify_label(label: int, count: int, smoothing: Smoothing) -> Certificate:
    """Certify a class that other draws have chosen.

    Args:
        label: The class.
        count: How many of the ``smoothing.n`` draws have it.
        smoothing: Wrong with probability ``alpha`` at most.

    Examples:
        >>> from mmssl_robust.certified import Smoothing, certify_label
        >>> smoothing = Smoothing(sigma=0.25, n=1000, alpha=0.001)
        >>> found = certify_label(7, count=1000, smoothing=smoothing)  # all draws say class 7
        >>> round(found.share, 4), round(found.radius, 2)  # the 1000th root of alpha
        (0.9931, 0.62)
        >>> print(certify_label(7, count=520, smoothing=smoothing).radius)  # too near to half
        None
    """
    share = lower_bound(count, smoothing.n, smoothing.alpha)
    return Certificate(label, share, smoothing.radius(share) if share > 0.5 else None)


def lower_bound(count: int, n: int, alpha: float) -> float:
    """One-sided lower bound of Clopper and Pearson for a probability, exceeded by it with probability 1 - alpha.

    Args:
        count: Successes.
        n: Trials.
        alpha: How often the bound may be wrong.
    """
    return float(beta.ppf(alpha, count, n - count + 1)) if count else 0.0
