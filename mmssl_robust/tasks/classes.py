"""Names of a data set's classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

UNLABELLED = 255


def name_of(label: int, info: Mapping[str, Any]) -> str:
    """Name of a class, or its number where the data set has no names."""
    classes = info.get('classes')
    return classes[label] if classes else str(label)


def classes_in(maps: Sequence[np.ndarray], info: Mapping[str, Any]) -> Sequence[str]:
    """Names of the data set's classes, or the numbers up to the largest in the label maps where it has none."""
    largest = max((int(labels[labels < UNLABELLED].max(initial=0)) for labels in maps), default=0)
    return info.get('classes') or [str(label) for label in range(largest + 1)]


def present_in(maps: Sequence[np.ndarray], classes: int) -> list[int]:
    """Classes that occur in label maps, ascending; labels from ``classes`` on are none."""
    present = np.unique(np.concatenate([labels.ravel() for labels in maps]))
    return [int(label) for label in present if 0 <= label < classes]
