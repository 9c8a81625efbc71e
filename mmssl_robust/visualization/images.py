"""Arrays for pictures: perturbations and label maps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps

from mmssl_robust.tasks import Picture
from mmssl_robust.tasks.classes import classes_in

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


def colour_numbers(numbers: np.ndarray, low: float, high: float) -> np.ndarray:
    """Paint a map of numbers, such as depth.

    Args:
        numbers: (H, W); what is masked becomes white.
        low: Number of the first colour.
        high: Number of the last one.

    Returns:
        (H, W, 3) uint8.
    """
    shares = np.ma.masked_invalid((numbers - low) / max(high - low, 1e-6))
    colours = (colormaps['turbo_r'](shares)[..., :3] * 255).round().astype(np.uint8)
    colours[np.ma.getmaskarray(shares)] = _BLANK
    return colours


def painted(pictures: Sequence[Picture], info: Mapping[str, Any]) -> list[np.ndarray]:
    """Return a task's pictures in colours: (H, W, 3), of images as they are, of maps uint8.

    Args:
        pictures: The pictures, whose label maps share a palette.
        info: ``classes`` and ``palette`` of the data set, where it has them.
    """
    labels = [picture.array for picture in pictures if picture.kind == 'labels']
    palette = palette_for(classes_in(labels, info), info.get('palette')) if labels else []
    return [_painted(picture, palette) for picture in pictures]


def _painted(picture: Picture, palette: Sequence[Sequence[int]]) -> np.ndarray:
    if picture.kind == 'labels':
        return colour_labels(picture.array, palette)
    return colour_numbers(picture.array, *picture.limits) if picture.kind == 'numbers' else picture.array
