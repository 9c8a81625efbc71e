"""What types of configs name."""

from typing import Any

import mmengine.registry
from mmengine.registry import DefaultScope, Registry


def class_of(kind: Any, scope: str = 'mmengine') -> Any:
    """Return what a type names, in whichever of MMEngine's registries; None if it is in none.

    Args:
        kind: A type's name, or the class itself.
        scope: The library in which a name without one is looked for.
    """
    if not isinstance(kind, str):
        return kind
    with DefaultScope.overwrite_default_scope(scope):
        for registry in vars(mmengine.registry).values():
            if isinstance(registry, Registry) and (found := registry.get(kind)) is not None:
                return found
    return None
