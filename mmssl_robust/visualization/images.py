"""Arrays for pictures: perturbations and label maps."""

from collections.abc import Mapping, Sequence
from typing import Any

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


def colour_depth(depth: np.ndarray, low: float, high: float) -> np.ndarray:
    """Paint a depth map.

    Args:
        depth: (H, W) in metres; what is masked becomes white.
        low: Depth of the nearest colour.
        high: Depth of the farthest one.

    Returns:
        (H, W, 3) uint8.
    """
    shares = np.ma.masked_invalid((depth - low) / max(high - low, 1e-6))
    colours = (colormaps['turbo_r'](shares)[..., :3] * 255).round().astype(np.uint8)
    colours[np.ma.getmaskarray(shares)] = _BLANK
    return colours


def name_of(label: int, metainfo: Mapping[str, Any]) -> str:
    """Name of a class, or its number where the data set has no names."""
    classes = metainfo.get('classes')
    return classes[label] if classes else str(label)


def classes_in(maps: Sequence[np.ndarray], metainfo: Mapping[str, Any]) -> Sequence[str]:
    """Names of the data set's classes, or the numbers up to the largest in the label maps where it has none."""
    largest = max((int(labels[labels < _BLANK].max(initial=0)) for labels in maps), default=0)
    return metainfo.get('classes') or [str(label) for label in range(largest + 1)]


def present_in(maps: Sequence[np.ndarray], classes: int) -> list[int]:
    """Classes that occur in label maps, ascending; labels from ``classes`` on are none."""
    present = np.unique(np.concatenate([labels.ravel() for labels in maps]))
    return [int(label) for label in present if 0 <= label < classes]
