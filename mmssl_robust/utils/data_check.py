"""Looking for the data before an hour of set-up ends in a traceback."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmseg.models import DepthEstimator
from torch import nn
from torch.utils.data import Dataset

from .errors import UserError
from .unwrapped import unwrapped


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
        # MMEngine serialising an empty list; MMPretrain finding no image in its folders.
        if not any(words in str(error) for words in ('need at least one array', 'Found 0 files')):
            raise
        raise UserError(f'the data set is empty: {where}') from error


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
        raise UserError(f'the data set has {len(classes)} classes, the model {outputs}: change num_classes of the head')


def _folders(dataset: Mapping[str, Any]) -> Iterator[Path]:
    for inner in (dataset.get('dataset'), *dataset.get('datasets', ())):
        if isinstance(inner, Mapping):
            yield from _folders(inner)
    root, prefix = dataset.get('data_root') or '', dataset.get('data_prefix') or ''
    prefixes = prefix.values() if isinstance(prefix, Mapping) else [prefix]
    if root or prefix:
        yield from (Path(root, folder) for folder in prefixes)
