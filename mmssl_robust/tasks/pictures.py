"""One attacked image with all that a picture of it shows, as arrays that can be kept."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.files import check_regular, whole_file

_SCALARS = ('index', 'file', 'attack', 'task', 'quality_before', 'quality_after', 'facts')
# Of old files, which did not keep facts apart.
_OLD_FACTS = ('label', 'classes', 'confidences')
_HALF = {np.dtype('float32'): np.float16, np.dtype('float64'): np.float16, np.dtype('int64'): np.int16}


class Picture(NamedTuple):
    """A picture with its title, not yet coloured.

    Attributes:
        title: What it shows.
        array: (H, W, 3) in [0, 1], or (H, W) class indices, or (H, W) numbers, masked where unknown.
        kind: ``'image'``, ``'labels'`` or ``'numbers'``.
        unit: Of numbers.
        limits: Of numbers, those of the first and last colour.

    Examples:
        >>> import numpy as np
        >>> from mmssl_robust.tasks import Picture
        >>> depth = np.full((8, 8), 2.5)
        >>> picture = Picture('prediction, clean', depth, 'numbers', unit='m', limits=(0.0, 10.0))
        >>> picture.kind, picture.array.shape
        ('numbers', (8, 8))
    """

    title: str
    array: np.ndarray
    kind: Literal['image', 'labels', 'numbers'] = 'image'
    unit: str = ''
    limits: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Example:
    """An image, its perturbation, and what the model made of both.

    Attributes:
        index: Index of the image in its data set.
        file: Its name.
        attack: Name of the attack.
        task: Name of the task.
        quality_before: Quality of the clean prediction, see :attr:`mmssl_robust.tasks.Task.quality`.
        quality_after: Likewise of the attacked one.
        image: (H, W, 3) in [0, 1], RGB.
        delta: (H, W, 3), what was added to it.
        arrays: Maps, as the task names them.
        facts: What is no map, likewise.

    Examples:
        >>> import numpy as np
        >>> from mmssl_robust.tasks import Example
        >>> image, delta = np.full((8, 8, 3), 0.5), np.full((8, 8, 3), 0.1)
        >>> example = Example(0, 'cat.png', 'pgd', 'classification', 0.9, -0.8, image, delta)  # of two margins
        >>> float(example.adversarial.max())
        0.6
    """

    index: int
    file: str
    attack: str
    task: str
    quality_before: float
    quality_after: float
    image: np.ndarray
    delta: np.ndarray
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def adversarial(self) -> np.ndarray:
        """The attacked image, (H, W, 3) in [0, 1]; a saved one is rounded."""
        pixels: np.ndarray = np.clip(self.image + self.delta, 0, 1)
        return pixels

    def save(self, path: Path) -> None:
        """Write to an ``.npz`` file; pixels become integers of 0..255, other arrays half as precise."""
        arrays = {name: array.astype(_HALF.get(array.dtype, array.dtype)) for name, array in self.arrays.items()}
        arrays |= dict(image=(self.image * 255).round().astype(np.uint8), delta=self.delta.astype(np.float16))
        scalars = json.dumps({name: getattr(self, name) for name in _SCALARS})
        named: dict[str, Any] = dict(scalars=np.array(scalars)) | arrays
        with whole_file(path) as partial, open(partial, 'wb') as file:
            np.savez_compressed(file, **named)


def load_example(path: Path) -> Example:
    """Read what :meth:`Example.save` wrote, also of older versions of this package.

    Raises:
        UserError: If the file is missing or damaged.
    """
    check_regular(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            values = {name: file[name] for name in file.files}
        scalars = json.loads(str(values.pop('scalars')))
        scalars.setdefault('facts', {name: scalars[name] for name in _OLD_FACTS if scalars.get(name) is not None})
        image, delta = values.pop('image').astype(np.float32) / 255, values.pop('delta').astype(np.float32)
        arrays = {
            name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in values.items()
        }
        known = {name: scalars[name] for name in _SCALARS}
        return Example(**known, image=image, delta=delta, arrays=arrays)
    except Exception as error:  # zip, NumPy and JSON raise what they like on damaged files
        raise UserError(f'cannot read the example {path} ({first_line(error)}): remove it') from error
