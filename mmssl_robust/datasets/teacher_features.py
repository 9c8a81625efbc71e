"""Images with the features a teacher gave them, computed once and kept on disk."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor
from torch.utils.data import Dataset

from mmssl_robust.registry import DATASETS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.json_files import read_state, write_json
from mmssl_robust.utils.numbers import check_number

ARRAYS = ('images', 'cls', 'patches')
PROGRESS = 'progress.json'


@DATASETS.register_module()
class TeacherFeatureDataset(Dataset):
    """Student images beside the teacher's tokens for the same pixels.

    Args:
        root: Folder that :func:`write_teacher_features` filled.
        flip_prob: Probability of mirroring image and patch tokens together; the
            CLS token is taken to be unchanged.

    Raises:
        UserError: If the folder is missing or was not finished.

    Examples:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> from mmssl_robust.datasets import TeacherFeatureDataset
        >>> from mmssl_robust.datasets.teacher_features import write_teacher_features
        >>> def teacher(pixels):  # an encoder, which gives CLS and patch tokens
        ...     return pixels.mean(dim=(2, 3)), pixels
        >>> image = np.zeros((16, 16, 3), np.uint8)
        >>> with tempfile.TemporaryDirectory() as root:
        ...     done = list(write_teacher_features(pathlib.Path(root), lambda index: image, 4, teacher, student_size=8))
        ...     sample = TeacherFeatureDataset(root)[0]
        >>> {name: tuple(tensor.shape) for name, tensor in sample.items()}
        {'inputs': (3, 8, 8), 'cls': (3,), 'patches': (3, 16, 16)}
    """

    def __init__(self, root: str, flip_prob: float = 0.5) -> None:
        self.root = Path(root)
        progress = _read_progress(self.root)
        if progress is None or progress['done'] < progress['total']:
            raise UserError(f'no finished teacher features in {root}: run tools/extract_teacher_features.py first')
        self.flip_prob = check_number(flip_prob, 'flip_prob', least=0, most=1)
        arrays = _open_arrays(self.root, progress['total'], 'r')
        if arrays is None:
            raise UserError(f'the teacher features in {root} are damaged: remove them, and extract them again')
        self.images, self.cls, self.patches = (arrays[name] for name in ARRAYS)
        self.cls_stats = _channel_stats(self.cls)
        self.patch_stats = _channel_stats(self.patches)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return ``inputs`` (3, S, S) uint8, ``cls`` (D,) and ``patches`` (D, h, w), both standardised."""
        image = torch.from_numpy(self.images[index].copy()).permute(2, 0, 1)
        cls = _standardise(self.cls[index], self.cls_stats)
        patches = _standardise(self.patches[index], self.patch_stats)
        if torch.rand(()) < self.flip_prob:
            image, patches = image.flip(-1), patches.flip(-1)
        return dict(inputs=image.contiguous(), cls=cls, patches=patches.contiguous())


def _channel_stats(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel over up to 2000 images, shaped to broadcast."""
    rows = np.linspace(0, len(tokens) - 1, min(len(tokens), 2000)).astype(int)
    sample = np.asarray(tokens[rows], dtype=np.float32)
    axes = (0, *range(2, sample.ndim))
    mean, std = sample.mean(axes, keepdims=True)[0], sample.std(axes, keepdims=True)[0]
    return mean, np.maximum(std, 1e-6)


def _standardise(tokens: np.ndarray, stats: tuple[np.ndarray, np.ndarray]) -> Tensor:
    return torch.from_numpy((tokens.astype(np.float32) - stats[0]) / stats[1])


def write_teacher_features(
    root: Path,
    images: Callable[[int], np.ndarray],
    total: int,
    encode: Callable[[Tensor], tuple[Tensor, Tensor]],
    student_size: int,
    batch_size: int = 64,
) -> Iterable[int]:
    """Encode images in order and write them as they come; a second call continues.

    Args:
        root: Folder to write to.
        images: Gives the image of an index, (T, T, 3) uint8 RGB at the teacher's size.
        total: Number of images.
        encode: Maps (B, 3, T, T) in [0, 1] to CLS (B, D) and patch tokens (B, D, h, w).
        student_size: Side of the square image that the student will see.
        batch_size: Images for each call of ``encode``.

    Yields:
        The number of images done so far.
    """
    root.mkdir(parents=True, exist_ok=True)
    progress = _read_progress(root) or dict(done=0, total=total)
    if progress['total'] != total:
        raise UserError(f'{root} holds features of {progress["total"]} images, not {total}: choose another folder')
    arrays: dict[str, Any] | None = _open_arrays(root, total, 'r+') if progress['done'] else {}
    if arrays is None:
        print_log(f'the features in {root} are damaged: beginning anew', 'current', logging.WARNING)
        arrays, progress['done'] = {}, 0
    for start in range(progress['done'], total, batch_size):
        batch = np.stack([images(index) for index in range(start, min(start + batch_size, total))])
        pixels = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255
        cls, patches = (tensor.cpu().numpy().astype(np.float16) for tensor in encode(pixels))
        small = np.stack(
            [cv2.resize(image, (student_size, student_size), interpolation=cv2.INTER_AREA) for image in batch]
        )
        for name, values in zip(ARRAYS, (small, cls, patches)):
            if name not in arrays:
                path, shape = root / f'{name}.npy', (total, *values.shape[1:])
                arrays[name] = np.lib.format.open_memmap(path, mode='w+', dtype=values.dtype, shape=shape)
            arrays[name][start : start + len(values)] = values
            arrays[name].flush()
        progress['done'] = start + len(batch)
        write_json(progress, root / PROGRESS)
        yield progress['done']


def _read_progress(root: Path) -> dict[str, int] | None:
    progress = read_state(root / PROGRESS, dict)
    if progress is None or not all(type(progress.get(key)) is int for key in ('done', 'total')):
        return None
    return progress


def _open_arrays(root: Path, total: int, mode: Literal['r', 'r+']) -> dict[str, Any] | None:
    """The arrays of so many images; None if one is missing, torn or of another number."""
    try:
        arrays = {name: np.load(root / f'{name}.npy', mmap_mode=mode) for name in ARRAYS}
    except (EOFError, OSError, ValueError):
        return None
    return arrays if all(len(array) == total for array in arrays.values()) else None
