"""Arrays for pictures: perturbations and label maps."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps

_BLANK = 255


def magnified(delta: np.ndarray) -> tuple[np.ndarray, int]:
    """Make a perturbation visible.

    Args:
        delta: Difference of two images in [0, 1], any shape.

    Returns:
        ``0.5 + factor * delta`` in [0, 1], and the factor: the largest whole
        number that clips nothing, but at least 1.
    """
    largest = float(np.abs(delta).max())
    factor = max(int(0.5 / largest + 1e-6), 1) if largest > 0 else 1
    return np.clip(0.5 + factor * delta, 0, 1), factor


def colour_labels(labels: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Paint a label map.

    Args:
        labels: (H, W) integers; what is no index of the palette becomes white.
        palette: RGB in 0..255 for each class.

    Returns:
        (H, W, 3) uint8.
    """
    colours = np.array([*palette, [_BLANK] * 3], dtype=np.uint8)
    known = (labels >= 0) & (labels < len(palette))
    return colours[np.where(known, labels, len(palette))]


def palette_for(classes: Sequence[str], palette: Sequence[Sequence[int]] | None = None) -> list[list[int]]:
    """Return the data set's palette, or one of distinct colours where it has none that fits."""
    if palette is not None and len(palette) >= len(classes):
        return [list(colour) for colour in palette[: len(classes)]]
    hues = np.linspace(0, 1, len(classes), endpoint=False)
    return (colormaps['hsv'](hues)[:, :3] * 255).round().astype(int).tolist()
