"""What a file of another holds, made anew of plain types: nothing that came with the file answers a call."""

import argparse
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from .errors import UserError

Maker = Callable[[Any, int, Iterator[int]], Any]
_KEPT = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, torch.layout)
_LONGEST = 200  # levels below each other, far more than any checkpoint has
_MOST = 5_000_000  # values: a short pickle may hold one list within itself again and again


def plain_values(value: Any) -> Any:
    """Return a value made anew of dicts, lists, tuples, sets, tensors, arrays, numbers and text.

    ``torch.load(weights_only=True)`` restores the attributes of what it makes, also such as hide a method: an
    ``OrderedDict`` whose ``get`` is the file's. What is returned has no attributes of the file. Tensors share their
    memory with those given, and are no parameters.

    Args:
        value: What a reader made of a file.

    Raises:
        UserError: If something else is in it, it holds itself, or more values than any checkpoint does.
    """
    return _made(value, 0, count(1))


def _made(value: Any, depth: int, numbers: Iterator[int]) -> Any:
    if depth > _LONGEST:
        raise UserError(f'it holds more than {_LONGEST} levels below each other')
    if next(numbers) > _MOST:
        raise UserError(f'it holds more than {_MOST} values')
    kind = type(value)
    if kind in _KEPT:
        return value
    maker = next((make for base, make in _MAKERS.items() if issubclass(kind, base)), None)
    if maker is None:
        raise UserError(f'it holds a {kind.__module__}.{kind.__qualname__}, which is no plain value')
    return maker(value, depth + 1, numbers)


def _dict(value: Any, depth: int, numbers: Iterator[int]) -> dict[Any, Any]:
    return {_made(key, depth, numbers): _made(entry, depth, numbers) for key, entry in dict.items(value)}


def _each(kind: Any) -> Maker:
    """What makes a list, tuple or set anew."""
    return lambda value, depth, numbers: kind(_made(entry, depth, numbers) for entry in kind.__iter__(value))


def _alone(make: Callable[[Any], Any]) -> Maker:
    """What makes a value anew that holds no others."""
    return lambda value, depth, numbers: make(value)  # noqa: ARG005


def _tensor(value: Any) -> Tensor:
    return Tensor.detach(value).as_subclass(Tensor)


def _array(value: Any) -> np.ndarray:
    array = np.array(value, copy=True, subok=False)
    if array.dtype.hasobject:
        raise UserError('it holds an array of objects')
    return array


def _history(value: Any) -> HistoryBuffer:
    known = vars(value)
    logs, counts = (_array(known.get(name, ())) for name in ('_log_history', '_count_history'))
    return HistoryBuffer(logs, counts, int(known.get('_max_length', 1000000)))


_MAKERS: dict[type, Maker] = {
    dict: _dict,
    **{kind: _each(kind) for kind in (tuple, list, set, frozenset)},
    bytearray: _alone(bytes),
    Tensor: _alone(_tensor),
    np.ndarray: _alone(_array),
    np.generic: _alone(lambda value: value.item()),
    np.dtype: _alone(str),
    HistoryBuffer: _alone(_history),
    argparse.Namespace: lambda value, depth, numbers: _dict(vars(value), depth, numbers),
}
