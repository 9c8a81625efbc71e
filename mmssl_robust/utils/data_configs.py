"""Configs in formats of data, JSON and YAML: other than a ``.py`` config they are not trusted as a program is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .errors import UserError, first_line

SUFFIXES = ('.json', '.yaml', '.yml')
_MOST = 100_000
_SCOPES = ('mmengine', 'mmpretrain', 'mmseg', 'mmssl_robust')


def check_data_config(path: Path, own: tuple[Path, ...]) -> None:
    """Refuse what would run a program that a config of such a format names.

    MMEngine imports what ``custom_imports`` and types such as ``os.system`` say, runs a ``.py`` config that ``_base_``
    names, and reads YAML by a loader that calls anything.

    Args:
        path: The config; those that it is based on are looked at as well.
        own: Folders whose ``.py`` configs may be named: those of this package.

    Raises:
        UserError: If it does, or cannot be read; names the file.
    """
    value = _read(path)
    bases = value.get('_base_', []) if isinstance(value, dict) else []
    for base in [bases] if isinstance(bases, str) else bases:
        file = (path.parent / str(base)).resolve()
        if file.suffix in SUFFIXES:
            check_data_config(file, own)
        elif not any(file.is_relative_to(folder.resolve()) for folder in own):
            raise _refusal(path, f'_base_ {base!r}')
    try:
        found = next(_programs(value), None)
    except UserError as error:
        raise UserError(f'cannot use the config {path}: {error}') from None
    if found:
        raise _refusal(path, found)


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding='utf-8')
        return json.loads(text) if path.suffix == '.json' else yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f'cannot use the config {path}: {first_line(error)}') from error


def _programs(value: Any) -> Iterator[str]:
    for key, entry in _entries(value):
        if key == 'custom_imports' and entry:
            yield 'custom_imports'
        elif key == 'type' and not _is_name(entry):
            yield f'type {entry!r}'
        elif key == 'spec' and '.py' in str(entry):
            yield f'spec {entry!r}'


def _entries(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every entry of every dict, however deep."""
    left, count = [value], 0
    while left:
        value = left.pop()
        count += 1
        if count > _MOST:  # aliases of YAML within aliases
            raise UserError(f'it has more than {_MOST} values')
        if isinstance(value, dict):
            yield from value.items()
            left += value.values()
        elif isinstance(value, list):
            left += value


def _is_name(kind: Any) -> bool:
    """Whether a type is the name of something registered, and no path of anything importable."""
    if not isinstance(kind, str):
        return not isinstance(kind, (dict, list))
    scope, dot, name = kind.rpartition('.')
    return bool(name) and (not dot or scope in _SCOPES)


def _refusal(path: Path, found: str) -> UserError:
    return UserError(
        f'refused to use the config {path}: its {found} would run a program, which a .py config may, but {path.suffix} '
        'may not'
    )
