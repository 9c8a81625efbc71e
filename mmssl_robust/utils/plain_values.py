"""What a file of another holds, made anew of plain types: nothing that came with the file answers a call."""

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from .errors import UserError

_KEPT = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, torch.layout)
_LONGEST = 200  # levels below each other, far more than any checkpoint has


def plain_values(value: Any) -> Any:
    """Return a value made anew of dicts, lists, tuples, sets, tensors, arrays, numbers and text.

    ``torch.load(weights_only=True)`` restores the attributes of what it makes, also such as hide a method: an
    ``OrderedDict`` whose ``get`` is the file's. What is returned has no attributes of the file. Tensors share their
    memory with those given, and are no parameters.

    Args:
        value: What a reader made of a file.

    Raises:
        UserError: If something else is in it, or it holds itself.
    """
    return _made(value, 0)


def _made(value: Any, depth: int) -> Any:
    if depth > _LONGEST:
        raise UserError(f'it holds more than {_LONGEST} levels below each other')
    kind = type(value)
    if kind in _KEPT:
        return value
    maker = next((make for base, make in _MAKERS.items() if issubclass(kind, base)), None)
    if maker is None:
        raise UserError(f'it holds a {kind.__module__}.{kind.__qualname__}, which is no plain value')
    return maker(value, depth + 1)


def _dict(value: Any, depth: int) -> dict[Any, Any]:
    return {_made(key, depth): _made(entry, depth) for key, entry in dict.items(value)}


def _each(value: Any, depth: int) -> Iterator[Any]:
    return (_made(entry, depth) for entry in value)


def _tensor(value: Any, depth: int) -> Tensor:  # noqa: ARG001
    return Tensor.detach(value).as_subclass(Tensor)


def _array(value: Any, depth: int) -> np.ndarray:  # noqa: ARG001
    array = np.array(value, copy=True, subok=False)
    if array.dtype.hasobject:
        raise UserError('it holds an array of objects')
    return array


def _history(value: Any, depth: int) -> HistoryBuffer:
    known = vars(value)
    logs, counts = (_array(known.get(name, ()), depth) for name in ('_log_history', '_count_history'))
    return HistoryBuffer(logs, counts, int(known.get('_max_length', 1000000)))


_MAKERS: dict[type, Callable[[Any, int], Any]] = {
    dict: _dict,
    torch.Size: lambda value, depth: tuple(_each(tuple.__iter__(value), depth)),
    tuple: lambda value, depth: tuple(_each(tuple.__iter__(value), depth)),
    list: lambda value, depth: list(_each(list.__iter__(value), depth)),
    set: lambda value, depth: set(_each(set.__iter__(value), depth)),
    frozenset: lambda value, depth: frozenset(_each(frozenset.__iter__(value), depth)),
    bytearray: lambda value, depth: bytes(value),  # noqa: ARG005
    Tensor: _tensor,
    np.ndarray: _array,
    np.generic: lambda value, depth: value.item(),  # noqa: ARG005
    np.dtype: lambda value, depth: str(value),  # noqa: ARG005
    HistoryBuffer: _history,
    argparse.Namespace: lambda value, depth: _dict(vars(value), depth),
}
