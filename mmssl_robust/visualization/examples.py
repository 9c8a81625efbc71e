"""One attacked image with all that a picture of it shows, as arrays that can be kept."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.files import whole_file

_SCALARS = ('index', 'file', 'attack', 'task', 'quality_before', 'quality_after', 'label', 'classes', 'confidences')


@dataclass(frozen=True)
class Example:
    """An image, its perturbation, and what the model made of both.

    Attributes:
        index: Index of the image in its data set.
        file: Its name.
        attack: Name of the attack.
        task: ``'classification'``, ``'segmentation'`` or ``'depth'``.
        quality_before: Quality of the clean prediction, see :data:`mmssl_robust.benchmark.records.SCHEMA`.
        quality_after: Likewise of the attacked one.
        image: (H, W, 3) in [0, 1], RGB.
        delta: (H, W, 3), what was added to it.
        label: Classification: the true class.
        classes: Classification: predicted classes, clean and attacked.
        confidences: Classification: their probabilities.
        before: Dense tasks: the clean prediction (H', W'), class indices or metres.
        after: Dense tasks: the attacked one.
        truth: Dense tasks: ground truth, 255 where unlabelled, or 0 where the depth is unknown.
    """

    index: int
    file: str
    attack: str
    task: str
    quality_before: float
    quality_after: float
    image: np.ndarray
    delta: np.ndarray
    label: int | None = None
    classes: tuple[int, int] | None = None
    confidences: tuple[float, float] | None = None
    before: np.ndarray | None = None
    after: np.ndarray | None = None
    truth: np.ndarray | None = None

    @property
    def adversarial(self) -> np.ndarray:
        """The attacked image, (H, W, 3) in [0, 1]; a saved one is rounded."""
        return np.clip(self.image + self.delta, 0, 1)

    def maps(self) -> dict[str, np.ndarray]:
        """Dense tasks: title -> prediction or ground truth, those that there are; unknown depth is masked."""
        known = {'prediction, clean': self.before, 'prediction, adversarial': self.after}
        if self.truth is not None:
            is_depth = self.task == 'depth'
            known['ground truth'] = np.ma.masked_where(self.truth <= 0, self.truth) if is_depth else self.truth
        return {title: values for title, values in known.items() if values is not None}

    def depth_range(self) -> tuple[float, float]:
        """Depth: least and largest metres of clean prediction and ground truth, the scale of all maps."""
        maps = list(self.maps().values())
        shown = np.ma.concatenate([maps[0].ravel(), maps[-1].ravel()])
        return float(shown.min()), float(shown.max())

    def save(self, path: Path) -> None:
        """Write to an ``.npz`` file; pixels are rounded to integers of 0..255, perturbation and depth to float16."""
        arrays: dict[str, Any] = dict(
            image=(self.image * 255).round().astype(np.uint8), delta=self.delta.astype(np.float16)
        )
        for name in ('before', 'after', 'truth'):
            values = getattr(self, name)
            if values is not None:
                arrays[name] = values.astype(np.int16 if self.task == 'segmentation' else np.float16)
        scalars = {name: value for name, value in asdict(self).items() if name in _SCALARS}
        with whole_file(path) as partial, open(partial, 'wb') as file:
            np.savez_compressed(file, scalars=np.array(json.dumps(scalars)), **arrays)


def load_example(path: Path) -> Example:
    """Read what :meth:`Example.save` wrote.

    Raises:
        UserError: If the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            values = {name: file[name] for name in file.files}
        values |= json.loads(str(values.pop('scalars')))
        for name in ('before', 'after', 'truth'):
            if name in values and values['task'] == 'depth':
                values[name] = values[name].astype(np.float32)
        values['image'] = values['image'].astype(np.float32) / 255
        values['delta'] = values['delta'].astype(np.float32)
        return Example(**{field.name: values[field.name] for field in fields(Example) if field.name in values})
    except Exception as error:  # zip, NumPy and JSON raise what they like on damaged files
        raise UserError(f'cannot read the example {path} ({first_line(error)}): remove it') from error
