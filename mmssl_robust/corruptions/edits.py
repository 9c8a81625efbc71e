"""Edits that images meet on their way: compression, exposure, a crop."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .jpeg import after_jpeg

Levels = NDArray[np.uint8]
_QUALITY = (90, 70, 50, 30, 10)
_LIGHT = (1.1, 1.25, 1.5, 1.75, 2.0)
_KEPT = (0.95, 0.9, 0.8, 0.7, 0.6)


def _jpeg(image: Levels, severity: int, rng: np.random.Generator) -> Levels:  # noqa: ARG001
    """Compress with Pillow's quality 90, 70, 50, 30, 10."""
    return after_jpeg(image, _QUALITY[severity - 1])


def _lighten(image: Levels, severity: int, rng: np.random.Generator) -> Levels:  # noqa: ARG001
    """Multiply by 1.1, 1.25, 1.5, 1.75, 2."""
    return _scaled(image, _LIGHT[severity - 1])


def _darken(image: Levels, severity: int, rng: np.random.Generator) -> Levels:  # noqa: ARG001
    """Divide by 1.1, 1.25, 1.5, 1.75, 2."""
    return _scaled(image, 1 / _LIGHT[severity - 1])


def _crop(image: Levels, severity: int, rng: np.random.Generator) -> Levels:
    """Cut out 95, 90, 80, 70, 60 % of height and width, at a random place, and resize it to what it was."""
    height, width = image.shape[:2]
    rows, columns = (max(1, round(_KEPT[severity - 1] * side)) for side in (height, width))
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    part = Image.fromarray(image[top : top + rows, left : left + columns])
    return np.array(part.resize((width, height), Image.Resampling.BICUBIC))


def _scaled(image: Levels, factor: float) -> Levels:
    return (image * factor).round().clip(0, 255).astype(np.uint8)


EDITS: dict[str, Callable[[Levels, int, np.random.Generator], Levels]] = dict(
    jpeg=_jpeg, lighten=_lighten, darken=_darken, crop=_crop
)
"""Name -> function of an image (H, W, 3), a severity and a generator."""
MOVING = ('crop',)
"""After which pixels are no longer where their ground truth says."""
