"""Where in a config something stands that was built of it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

# What everything else is in.
_OUTER = ('model', 'train_cfg', 'val_cfg', 'test_cfg')


class Place(NamedTuple):
    """A place in a config.

    Attributes:
        key: Dotted.
        section: What stands there.
        kind: What is built of it; None if that is not known.
    """

    key: str
    section: Mapping[str, Any]
    kind: Any


def place_of_built(said: Mapping[str, Any], built: Mapping[str, Any], kind: Any) -> Place | None:
    """The section that is most like what was being built, which may have fewer or more entries than it.

    Args:
        said: A whole config.
        built: The config of what was being built.
        kind: The class of that, or None.

    Returns:
        The first of those that are as much alike; None if nothing is of its type.
    """
    alike = [(_likeness(node, built), key, node) for key, node in sections(said) if _is_alike(node, built)]
    best = max((likeness for likeness, *_ in alike), default=0)
    return next((Place(key, node, kind) for likeness, key, node in alike if likeness == best), None)


def place_of_type(said: Mapping[str, Any], kind: type) -> Place | None:
    """The first section of which something of a class is built, but for what everything else is in."""
    for key, node in sections(said):
        name = node.get('type')
        name = name.rpartition('.')[2] if isinstance(name, str) else getattr(name, '__name__', None)
        if name == kind.__name__ and key not in _OUTER:
            return Place(key, node, kind)
    return None


def sections(value: Any, key: str = '') -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All sections of a config below its first level, with their dotted keys, the outer ones first."""
    if isinstance(value, Mapping):
        if key:
            yield key, value
        for name, entry in value.items():
            yield from sections(entry, f'{key}.{name}' if key else str(name))
    elif isinstance(value, (list, tuple)):
        for index, entry in enumerate(value):
            yield from sections(entry, f'{key}.{index}')


def _is_alike(node: Mapping[str, Any], built: Mapping[str, Any]) -> bool:
    # Of a data loader, which has no type, what it loads tells.
    if 'type' in built:
        return bool(node.get('type') == built['type'])
    return 'dataset' in built and 'dataset' in node and 'type' not in node


def _likeness(node: Mapping[str, Any], built: Mapping[str, Any]) -> int:
    return sum(1 if _same(node[key], value) else -1 for key, value in built.items() if key in node)


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # arrays compare by element
        return False
