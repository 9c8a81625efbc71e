"""Which attack to take for each image so that the mIoU over all of them is low."""

import numpy as np

from .contributions import ratio


def greedy_choice(areas: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """Change one image's attack at a time while that lowers the mIoU."""
    choice, everyone = choice.copy(), np.arange(areas.shape[1])
    changed = True
    while changed:
        changed = False
        sums = areas[:, everyone, choice].sum(axis=1)
        for image in everyone:
            others = sums - areas[:, image, choice[image]]
            scores = _miou(others[:, None] + areas[:, image])
            best = int(scores.argmin())
            if scores[best] < scores[choice[image]] - 1e-12:
                choice[image], changed = best, True
                sums = others + areas[:, image, best]
    return choice


def _miou(sums: np.ndarray) -> np.ndarray:
    """Mean IoU of sums of intersections and unions (2, ..., classes), over the classes that occur."""
    means: np.ndarray = np.nanmean(ratio(sums[0], sums[1]), axis=-1)
    return means


def bound_of(areas: np.ndarray) -> float:
    """Mean over classes of the lowest IoU of each, for which images may choose anew.

    The lowest ratio of two sums is found by Dinkelbach's iteration: minimise ``intersection - ratio x union``.
    """
    lowest = []
    for intersections, unions in zip(*np.moveaxis(areas, -1, 1)):
        everyone, value = np.arange(len(unions)), 1.0
        while True:
            chosen = (intersections - value * unions).argmin(axis=1)
            total = unions[everyone, chosen].sum()
            new = intersections[everyone, chosen].sum() / total if total else np.nan
            if not new < value - 1e-12:
                break
            value = new
        lowest.append(value if unions.any() else np.nan)
    return float(np.nanmean(lowest))
