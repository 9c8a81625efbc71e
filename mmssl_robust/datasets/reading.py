"""Reading one sample, such that whatever goes wrong is one line that names the file at fault."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.thresholds import USUAL_THRESHOLDS

from .places import info_of, metainfo_of, origin_of

IGNORED = int(USUAL_THRESHOLDS['ignore_index'])
"""The label of pixels that losses, attacks and metrics leave out, unless a data set says another."""

FILE_KEYS = ('img_path', 'seg_map_path', 'depth_map_path')
"""Under which a data set names the files of a sample, the image's first."""
_ENDS = {b'\xff\xd8': b'\xff\xd9', b'\x89P': b'IEND'}  # how JPEG and PNG begin and end


def read_sample(dataset: Any, index: int, in_full: bool = True) -> Any:
    """Return a sample of a data set.

    Args:
        dataset: Of MMEngine, or any with ``__getitem__``.
        index: Which sample.
        in_full: Decode every file beforehand, since OpenCV returns a truncated JPEG with a grey rest and no error;
            otherwise only those whose end is missing.

    Raises:
        UserError: If a file, a transform or a label is wrong; names the file. ``MMSSL_TRACEBACK=1`` lets through what
            a transform raised.
    """
    info: Mapping[str, Any] = {}
    paths: list[str] = []
    try:
        info = info_of(dataset, index)
        paths = [info[key] for key in FILE_KEYS if info.get(key)]
        for path in paths:
            if os.path.exists(path) and not os.path.isfile(path):
                raise cannot_read(path, 'it is no regular file')
            if (in_full or _lacks_its_end(path)) and (damage := _damage(path)):
                raise cannot_read(path, damage)
        item = dataset[index]
        if item is None:
            raise ValueError('the data set or its pipeline gives None')
    except UserError:
        raise
    except Exception as error:  # decoders and transforms raise almost anything
        if os.environ.get('MMSSL_TRACEBACK') == '1':
            raise
        undecodable = (path for path in paths if _damage(path, or_unknown=True))
        name = next(undecodable, None)
        if name is None and paths and not isinstance(error, (OSError, KeyError)):
            raise cannot_read(paths[0], f'{_step_of(error)}{first_line(error)}') from error
        raise cannot_read(name or info.get('img_path', f'image {index}'), error) from error
    _check_labels(item, origin_of(dataset, index)[0], info)
    return item


def cannot_read(path: str | os.PathLike[str], error: BaseException | str) -> UserError:
    """What to raise for a file that cannot be used, and why."""
    if isinstance(error, FileNotFoundError):
        error = f'no such file{_other_spelling(Path(path))}'
    elif isinstance(error, KeyError):
        error = f'KeyError: {first_line(error)}'
    reason = error if isinstance(error, str) else first_line(error)
    return UserError(f'cannot read {path} ({reason}): replace it, or skip such files (--on-corrupt skip)')


@contextmanager
def named_file(path: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one line that names the file.

    Raises:
        UserError: In its place.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if os.environ.get('MMSSL_TRACEBACK') == '1':
            raise
        raise cannot_read(path, error) from error


def _step_of(error: Exception) -> str:
    """The transform in which an error was raised, as the beginning of a reason."""
    steps = [frame.f_locals.get('self') for frame, _ in walk_tb(error.__traceback__)]
    name = next((type(step).__name__ for step in reversed(steps) if callable(getattr(step, 'transform', None))), '')
    return f'{name}: ' if name else ''


def _lacks_its_end(path: str) -> bool:
    if '://' in path or not os.path.isfile(path):
        return False
    with open(path, 'rb') as file:
        start = file.read(2)
        file.seek(max(os.path.getsize(path) - 64, 0))
        return _ENDS.get(start, b'') not in file.read()


def _damage(path: str, or_unknown: bool = False) -> BaseException | None:
    """What Pillow finds wrong with a file; one that it does not know is another decoder's, unless that counts too."""
    if '://' in path or Path(path).suffix.lower() not in Image.registered_extensions():
        return None
    try:
        with Image.open(path) as image:
            image.load()
    except UnidentifiedImageError as error:
        return error if or_unknown or not os.path.getsize(path) else None
    except Exception as error:
        return error
    return None


def _other_spelling(path: Path) -> str:
    """A file of the same name but for upper and lower case, such as ``.PNG`` for ``.png``."""
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    name = next((other.name for other in beside if other.name.lower() == path.name.lower()), None)
    return f', but there is {name}' if name else ''


def _check_labels(item: Any, dataset: Any, info: Mapping[str, Any]) -> None:
    """Labels beyond the classes would leave metrics in silence, and end losses in a traceback."""
    sample = item.get('data_samples') if isinstance(item, dict) else None
    meta = metainfo_of(dataset)
    classes = meta.get('classes')
    if sample is None or not classes or 'gt_sem_seg' not in sample:
        return
    ignored = meta.get('ignore_index', getattr(dataset, 'ignore_index', IGNORED))
    wrong = wrong_label(sample.gt_sem_seg.data.numpy(), len(classes), ignored)
    if wrong is not None:
        path = info.get('seg_map_path') or info.get('img_path')
        raise UserError(
            f'{path} holds label {wrong}, but the data set has {len(classes)} classes: '
            f'change its classes, or map the label to {ignored}'
        )


def wrong_label(labels: np.ndarray, classes: int, ignored: int = IGNORED) -> int | None:
    """Return the lowest label that is neither ignored nor one of 0 to ``classes - 1``; None if there is none."""
    if labels.size == 0 or (labels.min() >= 0 and labels.max() < classes):
        return None
    found = np.unique(labels)
    wrong = found[((found < 0) | (found >= classes)) & (found != ignored)]
    return int(wrong[0]) if wrong.size else None
