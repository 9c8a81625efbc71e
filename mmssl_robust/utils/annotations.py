"""Whether plain values that a file holds are of the types that they are meant to be, also within lists and dicts."""

from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

_NUMBERS: dict[Any, tuple[type, ...]] = {int: (int,), float: (int, float)}


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type: ``True`` is no number, and a text no list.

    Args:
        value: The value.
        hint: An annotation. Of what is not made of plain values, everything fits.
    """
    origin, parts = get_origin(hint) or hint, get_args(hint)
    if origin in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return any(value == part and type(value) is type(part) for part in parts)
    if origin in _NUMBERS:
        return isinstance(value, _NUMBERS[origin]) and not isinstance(value, bool)
    if origin in (bool, str, NoneType):
        return isinstance(value, origin)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(fits(entry, part) for part in parts[1:] for entry in value.values())
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return isinstance(value, (list, tuple)) and _entries_fit(value, origin, parts)
    return True


def _entries_fit(values: Sequence[Any], origin: type, parts: tuple[Any, ...]) -> bool:
    if issubclass(origin, tuple) and parts and parts[-1] is not Ellipsis:
        return len(values) == len(parts) and all(map(fits, values, parts))
    return all(fits(value, part) for part in parts[:1] for value in values)
