"""What a class or function that a config names may be given."""

import inspect
from typing import Any


def arguments_of(kind: Any) -> tuple[list[str], bool]:
    """Return the names of all arguments, also those that a class hands on to its parents by ``**kwargs``.

    Args:
        kind: A class or a function.

    Returns:
        The names, and whether they are all that there is: what takes ``**kwargs`` for something else has others too.
    """
    names: dict[str, None] = {}
    constructors = [base.__init__ for base in kind.__mro__ if '__init__' in vars(base)] if inspect.isclass(kind) else []
    for function in constructors or [kind]:
        try:
            parameters = list(inspect.signature(function).parameters.values())[bool(constructors) :]
        except (TypeError, ValueError):  # of a library in C
            return list(names), False
        names |= {entry.name: None for entry in parameters if entry.kind not in _VARIABLE}
        if not any(entry.kind is entry.VAR_KEYWORD for entry in parameters):
            return list(names), True
    return list(names), False


_VARIABLE = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
