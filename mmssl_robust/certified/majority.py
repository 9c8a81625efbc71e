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
