"""Looking for the data before an hour of set-up ends in a traceback."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmpretrain.models import ClsHead, ImageClassifier, MultiLabelClsHead
from mmseg.models import DepthEstimator
from torch import nn
from torch.utils.data import Dataset

from .errors import UserError, first_line
from .generators import generators_restored
from .unwrapped import unwrapped

LABELS = ('gt_label', 'gt_score')
_FEW = 21  # classes that a line has room for
_NOT_THERE = re.compile(r'Cannot find (?P<name>\w+) dataset in (?P<folder>.+), you can specify')


def check_data_folders(dataset: Mapping[str, Any]) -> None:
    """Check that the folders a data set config names are there and hold something.

    Args:
        dataset: Config of a data set; wrapped and concatenated ones are looked into.

    Raises:
        UserError: If a folder is missing, empty or unreadable; names it.
    """
    for folder in _folders(dataset):
        if not folder.is_dir():
            raise UserError(
                f'data folder not found: {folder}: set the variable DATA_ROOT to the folder of your data sets, '
                'or data_root in the config'
            )
        try:
            empty = not any(folder.iterdir())
        except OSError as error:
            raise UserError(f'data folder {folder} cannot be read: {error.strerror}') from error
        if empty:
            raise UserError(f'data folder {folder} is empty: put the data set there')


def check_test_data(cfg: Mapping[str, Any]) -> None:
    """Check the folders of the test set of a task's config, and of the images that fill the bank of its head.

    Raises:
        UserError: See :func:`check_data_folders`.
    """
    for name in ('test_dataloader', 'bank_dataloader'):
        if cfg.get(name):
            check_data_folders(cfg[name]['dataset'])


@contextmanager
def named_data_errors(where: str) -> Iterator[None]:
    """Turn what OpenMMLab raises for missing files and empty data sets into one line.

    Args:
        where: The data set's folder or type.

    Raises:
        UserError: In their place.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(f'data not found: {str(error).splitlines()[0]}') from error
    except (ValueError, RuntimeError) as error:
        if found := _NOT_THERE.match(str(error)):  # of CIFAR, which MMPretrain looks for file by file
            what = f'{found["name"]} is not in {found["folder"]}'
            raise UserError(f'data not found: {what}: put its files there') from error
        # MMEngine serialising an empty list; MMPretrain finding no image in its folders.
        if not any(words in str(error) for words in ('need at least one array', 'Found 0 files')):
            raise
        raise UserError(f'the data set is empty: {where}{_what_is_there(where)}') from error
    except AssertionError as error:
        if 'number of subfolders' not in str(error):
            raise
        raise UserError(f'{where}: {first_line(error)} Each folder is a class: remove those that are none') from error


def _what_is_there(folder: str) -> str:
    """The endings of files below a folder, the most frequent first: perhaps the data set looks for another."""
    if not Path(folder).is_dir():
        return ''
    files = (path for path in Path(folder).rglob('*') if path.is_file())
    endings = Counter(path.suffix for path in files).most_common(3)
    found = ', '.join(f'{count} end in {ending or "no suffix"}' for ending, count in endings)
    return f'; of the files there {found}: set img_suffix, or extensions, of the data set to that of the images' * bool(
        found
    )


def check_labels(model: nn.Module, dataset: Dataset[Any]) -> None:
    """Check, before a training, that images for a classifier have a label each.

    Args:
        model: Any model; those that are no classifiers of mmpretrain pass.
        dataset: Data set whose first sample is read.

    Raises:
        UserError: If it has none.
    """
    model = unwrapped(model)
    if isinstance(model, ImageClassifier) and isinstance(getattr(model, 'head', None), (ClsHead, MultiLabelClsHead)):
        with generators_restored():  # or the check would decide how the first epoch is augmented
            item: Any = dataset[0]
        sample = item.get('data_samples') if isinstance(item, Mapping) else None
        if sample is not None and not any(name in sample for name in LABELS):
            raise UserError(no_label(sample))


def no_label(sample: Any) -> str:
    """What to say of a classifier's sample without a label."""
    name = sample.get('img_path') or f'image {sample.get("sample_idx", "")}'
    return (
        f'{name} has no label: sort the images into a folder for each class, or give the data set an ann_file, '
        'and leave out with_label=False'
    )


def check_class_count(model: nn.Module, dataset: Dataset[Any]) -> None:
    """Check that a classifier or segmentor has an output for each class of the data.

    Args:
        model: Any model; those without classes pass.
        dataset: Data set whose ``metainfo`` may name classes.

    Raises:
        UserError: If the numbers differ.
    """
    model = unwrapped(model)
    head = getattr(model, 'head', None) or getattr(model, 'decode_head', None)
    outputs = getattr(head, 'num_classes', None)
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    # A depth head's outputs are bins, and the classes of NYU its rooms.
    if isinstance(model, DepthEstimator) or not outputs or not classes:
        return
    if len(classes) != outputs:
        named = f'; those of the data are {", ".join(classes)}' if len(classes) < _FEW else ''
        raise UserError(
            f'the data set has {len(classes)} classes, the model {outputs}: change num_classes of the head{named}'
        )


def _folders(dataset: Mapping[str, Any]) -> Iterator[Path]:
    for inner in (dataset.get('dataset'), *dataset.get('datasets', ())):
        if isinstance(inner, Mapping):
            yield from _folders(inner)
    root, prefix = dataset.get('data_root') or '', dataset.get('data_prefix') or ''
    prefixes = prefix.values() if isinstance(prefix, Mapping) else [prefix]
    if root or prefix:
        yield from (Path(root, folder) for folder in prefixes)
