"""What tasks with a prediction for each pixel share."""

from typing import Any

import numpy as np

from .pictures import Example

BEFORE, AFTER, TRUTH = 'before', 'after', 'truth'
TITLES = {BEFORE: 'prediction, clean', AFTER: 'prediction, adversarial', TRUTH: 'ground truth'}


def map_arrays(clean: Any, attacked: Any, prediction: str, truth: str) -> dict[str, Any]:
    """Return both predictions, and the ground truth where there is one, of two samples of mmseg."""
    arrays = {BEFORE: _plane(clean.get(prediction)), AFTER: _plane(attacked.get(prediction))}
    if truth in clean:
        arrays[TRUTH] = _plane(clean.get(truth))
    return dict(arrays=arrays)


def maps_of(example: Example) -> dict[str, np.ndarray]:
    """Title -> map, those that there are."""
    return {title: example.arrays[name] for name, title in TITLES.items() if name in example.arrays}


def _plane(data: Any) -> np.ndarray:
    plane = data.data.squeeze(0).cpu()
    array: np.ndarray = (plane.float() if plane.is_floating_point() else plane.long()).numpy()
    return array
