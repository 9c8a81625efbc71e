"""The classes that a checkpoint may name: those of plain values, none of which runs code."""

import argparse
import pickle
from collections import OrderedDict
from importlib import import_module
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from mmengine.logging import HistoryBuffer

# Dictionaries that training code keeps its arguments in: they are read as plain ones.
_DICTS = (
    'addict.addict.Dict',
    'easydict.EasyDict',
    'fvcore.common.config.CfgNode',
    'lightning.fabric.utilities.data.AttributeDict',
    'lightning.pytorch.utilities.parsing.AttributeDict',
    'lightning_fabric.utilities.data.AttributeDict',
    'pytorch_lightning.utilities.parsing.AttributeDict',
    'yacs.config.CfgNode',
)


def allowed_globals() -> list[Any]:
    """What ``torch.load(weights_only=True)`` may call or make for a file, besides what PyTorch allows."""
    return [
        HistoryBuffer,
        OrderedDict,
        argparse.Namespace,
        (_history_buffer_method, 'builtins.getattr'),
        (_history_buffer_method, '__builtin__.getattr'),
        *_paths(),
        *_numpys(),
        *((OrderedDict, name) for name in _DICTS),
    ]


def _paths() -> list[Any]:
    kinds = ((_posix_path, ('PosixPath', 'PurePosixPath')), (_windows_path, ('WindowsPath', 'PureWindowsPath')))
    # Python 3.13 moved them.
    modules = ('pathlib', 'pathlib._local')
    return [(function, f'{module}.{name}') for module in modules for function, names in kinds for name in names]


def _posix_path(*parts: str) -> str:
    """A path as text, which every system can make."""
    return str(PurePosixPath(*parts))


def _windows_path(*parts: str) -> str:
    return str(PureWindowsPath(*parts))


def _history_buffer_method(owner: Any, name: str) -> Any:
    """Stand-in for ``getattr`` in MMEngine's own checkpoints, good for this one use."""
    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(f'attribute {name!r} of {owner!r} is not allowed')


def _numpys() -> list[Any]:
    multiarray = import_module('numpy.core.multiarray' if np.__version__.startswith('1.') else 'numpy._core.multiarray')
    dtypes = {type(np.dtype(code)) for code in ('?', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8')}
    # Files written under NumPy 1 name the module numpy.core, those under 2 numpy._core.
    functions = [
        (function, f'numpy.{module}.multiarray.{function.__name__}')
        for function in (multiarray._reconstruct, multiarray.scalar)
        for module in ('core', '_core')
    ]
    return [np.ndarray, np.dtype, *dtypes, *functions]
