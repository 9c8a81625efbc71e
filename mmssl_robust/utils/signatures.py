"""What a class or function that a config names may be given."""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from math import isfinite
from numbers import Integral, Real
from textwrap import dedent
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from .errors import UserError

_VARIABLE = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
_PLAIN = (bool, int, float, str, NoneType, list, tuple, dict)
_WORDS = {bool: 'True or False', int: 'an integer', float: 'a finite number', str: 'a text', NoneType: 'None'}
_WORDS |= {Mapping: 'a section', Sequence: 'a list'}


def arguments_of(kind: Any) -> tuple[list[str], bool]:
    """Return the names of all arguments, also those that a class hands on to its parents by ``**kwargs``.

    Args:
        kind: A class or a function.

    Returns:
        The names, and whether they are all that there is: what takes ``**kwargs`` for something else has others too.
    """
    names: dict[str, None] = {}
    for parameters in _signatures(kind):
        names |= {entry.name: None for entry in parameters if entry.kind not in _VARIABLE}
        if not any(entry.kind is entry.VAR_KEYWORD for entry in parameters):
            return list(names), True
    return list(names), False


def check_kinds(kind: Any, given: Mapping[str, Any], key: str = '') -> None:
    """Check plain values against the annotations of the arguments that they are given as.

    Numbers must be finite, ``True`` is no number and ``2.0`` no integer. What is annotated by other classes is let
    through.

    Args:
        kind: A class or a function.
        given: Name -> value of arguments.
        key: What to say before an argument's name.

    Raises:
        UserError: Names the first argument whose value is of another kind.
    """
    for parameters in _signatures(kind):
        for entry in parameters:
            if entry.name in given and entry.kind not in _VARIABLE:
                _check(given[entry.name], entry, f'{key}.{entry.name}' if key else entry.name)
        given = {name: value for name, value in given.items() if name not in {entry.name for entry in parameters}}


@cache
def _signatures(kind: Any) -> tuple[list[inspect.Parameter], ...]:
    """The parameters of a function, or of a class's constructor and of those to which it hands others on."""
    return tuple(_each_signature(kind))


def _each_signature(kind: Any) -> Iterator[list[inspect.Parameter]]:
    bases = kind.__mro__ if inspect.isclass(kind) else ()
    constructors = [vars(base)['__init__'] for base in bases if '__init__' in vars(base)]
    for function in constructors or [kind]:
        try:
            parameters = list(inspect.signature(function).parameters.values())[bool(constructors) :]
        except (TypeError, ValueError):  # of a library in C
            return
        yield parameters
        others = next((entry.name for entry in parameters if entry.kind is entry.VAR_KEYWORD), None)
        if others is None or _keeps(function, others):
            return


@cache
def _keeps(function: Callable[..., Any], others: str) -> bool:
    """Whether a constructor has a use of its own for its ``**others``, and gives none of them to that of a parent."""
    try:
        code = ast.parse(dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):  # no source
        return False
    calls = [node for node in ast.walk(code) if isinstance(node, ast.Call)]
    handed = [keyword for call in calls if ast.unparse(call.func).endswith('.__init__') for keyword in call.keywords]
    return _says(code, others) and not any(keyword.arg is None and _says(keyword, others) for keyword in handed)


def _says(code: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(code))


def _check(value: Any, entry: inspect.Parameter, name: str) -> None:
    hint = entry.annotation
    hints = list(get_args(hint)) if get_origin(hint) in (Union, UnionType) else [hint]
    kinds = [kind for hint in hints for kind in _kinds(hint)]
    if type(value) not in _PLAIN or None in kinds or (value is None and entry.default is None):
        return
    if not any(_is(value, kind) for kind in kinds):
        words = [_WORDS[kind] for kind in kinds if kind is not NoneType]
        raise UserError(f'{name}={value!r}: give {" or ".join(dict.fromkeys(words))}')


def _kinds(hint: Any) -> list[Any]:
    """What an annotation says of plain values: types, and None if it says something else."""
    if get_origin(hint) is Literal:  # whoever takes it knows best how to say which there are
        return [type(value) for value in get_args(hint)]
    return [_kind(hint)]


def _kind(hint: Any) -> Any:
    origin = get_origin(hint) or hint
    if not isinstance(origin, type) or origin is inspect.Parameter.empty:
        return None
    if issubclass(origin, Mapping):
        return Mapping
    if origin in (list, tuple, Sequence):
        return Sequence
    return origin if origin in _WORDS else None


def _is(value: Any, kind: Any) -> bool:
    if kind is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
    if kind is Sequence:
        return isinstance(value, (list, tuple))
    return isinstance(value, kind)
