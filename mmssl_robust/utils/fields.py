"""Dataclasses that are filled from files: what is in their fields is what these are for."""

from dataclasses import fields
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .errors import UserError

_WORDS = {str: 'a text', int: 'an integer', bool: 'True or False', dict: 'a dict', tuple: 'a list', type(None): 'None'}


def check_fields(thing: Any) -> None:
    """Check the type of every value of a dataclass, but for what lists and dicts hold.

    Raises:
        UserError: Names the first field that holds another one.
    """
    hints = get_type_hints(type(thing))
    for field in fields(thing):
        value, hint = getattr(thing, field.name), hints[field.name]
        kinds = [get_origin(kind) or kind for kind in (get_args(hint) if _is_union(hint) else [hint])]
        if not isinstance(value, tuple(kinds)) or (isinstance(value, bool) and bool not in kinds):
            words = ' or '.join(_WORDS.get(kind, kind.__name__) for kind in kinds)
            raise UserError(f'{field.name}={value!r}: give {words}')


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType)
