"""How much of a set of images withstands perturbations of any size, from the smallest one that breaks each.

A size is 0 where nothing is left of an image without an attack, and infinite where no perturbation was found. Nothing
here imports PyTorch, so that a report can be written where it is not installed.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Sizes = NDArray[np.float64]
_ROUNDING = 1e-5  # by which a size in float32 may exceed the largest radius that was tried


def robust_share(sizes: Sequence[float] | Sizes, radii: Sequence[float] | Sizes) -> Sizes:
    """Return the share of images whose size (n,) is above each radius (r,), between 0 and 1."""
    ordered = np.sort(np.asarray(sizes, float))
    above = len(ordered) - np.searchsorted(ordered, np.asarray(radii, float), side='right')
    return above / max(len(ordered), 1)


def curve_of(sizes: Sequence[float] | Sizes, largest: float) -> list[tuple[float, float]]:
    """Return the corners of the whole curve, from 0 to ``largest``: from each radius on, the share that is above it."""
    found = np.asarray(sizes, float)
    found = np.where(found <= largest * (1 + _ROUNDING), np.minimum(found, largest), found)
    radii = np.unique([0.0, *found[found <= largest], largest])
    return list(zip(radii.tolist(), robust_share(found, radii).tolist()))


def median_size(sizes: Sequence[float] | Sizes) -> float | None:
    """Return the median size over the images that have something to lose.

    None if there is no such image, or no perturbation was found of half of them or more.
    """
    standing = np.asarray(sizes, float)
    standing = standing[standing > 0]
    median = float(np.median(standing)) if len(standing) else np.inf
    return median if np.isfinite(median) else None


def area_below(sizes: Sequence[float] | Sizes, largest: float) -> float:
    """Return the area below the curve from 0 to ``largest``, which is the mean of the sizes, none taken for larger."""
    return float(np.minimum(np.asarray(sizes, float), largest).mean())


def optimality(sizes: Sequence[float] | Sizes, best: Sequence[float] | Sizes, largest: float) -> float:
    """Return how much of what the best of all attacks takes away an attack takes away, in the manner of AttackBench.

    The area between the clean share and the curve of the attack, over that between the clean share and the curve of the
    smallest size of each image that any attack found: 1 is as good on every image, 0 is to find nothing. After Cina et
    al., *AttackBench: Evaluating Gradient-based Attacks for Adversarial Examples*, AAAI 2025.

    Args:
        sizes: Of the attack (n,).
        best: The smallest of each image (n,), of attacks that had equally many passes.
        largest: To which radius areas are taken, such as that at which the best curve has come to its end.

    Returns:
        NaN if the best takes nothing away.
    """
    clean = largest * float(np.mean(np.asarray(sizes, float) > 0))
    taken = clean - area_below(best, largest)
    return (clean - area_below(sizes, largest)) / taken if taken > 0 else float('nan')
