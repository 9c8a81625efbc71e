"""Names that a config looks for in the wrong library."""

import re

import mmengine.registry
import mmpretrain.registry  # noqa: F401  # below which MMEngine's registries know them
import mmseg.registry  # noqa: F401
from mmengine.registry import Registry

_MISSING = re.compile(r'([\w.]+) is not in the (?:(\w+)::)?([\w ]+) registry')


def scope_problem(error: BaseException) -> str | None:
    """Say what MMEngine means by a name that is in no registry.

    Args:
        error: Whatever was raised.

    Returns:
        One line with what to do; None if the error is about something else.
    """
    found = _MISSING.search(str(error))
    if found is None:
        return None
    name, scope, kind = found.groups()
    owner = next((library for library in libraries_with(name, kind) if library != scope), None)
    if owner is None:
        return f'there is no {kind} {name}: check its spelling, and custom_imports if it is your own'
    scope_too = '' if owner == 'mmssl_robust' else f"set default_scope to '{owner}', or "
    return (
        f"the config looks for the {kind} {name} in {scope}, but it is of {owner}: {scope_too}name it '{owner}.{name}'"
    )


def libraries_with(name: str, kind: str) -> list[str]:
    """Libraries below MMEngine that have something of a name.

    Args:
        name: Without a scope.
        kind: What the registry calls its things, such as ``'optimizer'``.
    """
    roots = [value for value in vars(mmengine.registry).values() if isinstance(value, Registry) and value.name == kind]
    children = {scope: registry for root in roots for scope, registry in root.children.items()}
    for registry in children.values():
        registry.import_from_location()
    return [scope for scope, registry in children.items() if name in registry.module_dict]
