"""Configs in formats of data, JSON and YAML: other than a ``.py`` config they are not trusted as a program is."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from .errors import UserError, first_line

SUFFIXES = ('.json', '.yaml', '.yml')
_MOST = 100_000
_SCOPES = ('mmengine', 'mmpretrain', 'mmseg', 'mmssl_robust')
# A file that is run, such as another config, a preset or FILE.py:FUNCTION; a repository of torch.hub.
_PROGRAM = re.compile(r'\s*hub:|.*\.py\b', re.DOTALL)
# Arguments besides type whose text libraries look for in any module.
_TYPES = ('constructor', 'runner_type', 'norm_layer', 'auto_wrap_policy', 'param_init_fn', 'check_fn')
# Arguments by which libraries run their own text, or what is in a file that they read, and when they do.
_RUNNING: dict[Any, Callable[[Any], bool]] = dict(
    dtype=lambda text: isinstance(text, str) and re.fullmatch(r'[\w.]+', text) is None,  # which MMPretrain evaluates
    decode_backend=lambda name: name == 'pickle',
    trust_remote_code=bool,
    weights_only=lambda only: not only,
)


def check_data_config(path: Path, own: tuple[Path, ...], above: tuple[Path, ...] = ()) -> None:
    """Refuse what would run a program that a config of such a format names.

    MMEngine imports what ``custom_imports``, scopes and types such as ``os.system`` say, runs a ``.py`` config that
    ``_base_`` names, puts other texts in place of ``{{...}}``, and reads YAML by a loader that calls anything; other
    libraries evaluate an argument, or have one that lets them run what they read.

    Args:
        path: The config; those that it is based on are looked at as well.
        own: Folders whose ``.py`` configs may be named: those of this package.
        above: The configs that are based on it.

    Raises:
        UserError: If it does, is based on itself, or cannot be read; names the file.
    """
    value = _read(path)
    bases = value.pop('_base_', []) if isinstance(value, dict) else []
    for base in bases if isinstance(bases, list) else [bases]:
        file = (path.parent / str(base)).resolve()
        if file in (*above, path.resolve()):
            raise UserError(f'cannot use the config {path}: it is based on itself, by {base}')
        if file.suffix in SUFFIXES:
            check_data_config(file, own, (*above, path.resolve()))
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
        value = json.loads(text) if path.suffix == '.json' else yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f'cannot use the config {path}: {first_line(error)}') from error
    if '{{' in text:
        raise UserError(f'cannot use the config {path}: write what its {{{{...}}}} stands for, or make it a .py')
    return value


def _programs(value: Any) -> Iterator[str]:
    for key, entry in _entries(value):
        if key == 'custom_imports' and entry:
            yield 'custom_imports'
        elif _imports(key, entry) or (key in _RUNNING and _RUNNING[key](entry)):
            yield f'{key} {entry!r}'
        elif isinstance(entry, str) and _PROGRAM.match(entry):
            yield f'{key or "entry"} {entry!r}'


def _imports(key: Any, entry: Any) -> bool:
    if key in ('_scope_', 'default_scope'):
        return entry is not None and entry not in _SCOPES
    return (key == 'type' or (key in _TYPES and isinstance(entry, str))) and not _is_name(entry)


def _entries(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every entry of every dict, and without a key of every list and tuple, however deep."""
    left, count = [value], 0
    while left:
        value = left.pop()
        count += 1
        if count > _MOST:  # aliases of YAML within aliases
            raise UserError(f'it has more than {_MOST} values')
        if isinstance(value, dict):
            entries = list(value.items())
        elif isinstance(value, (list, tuple)):  # the latter are pairs of YAML
            entries = [(None, entry) for entry in value]
        else:
            continue
        yield from entries
        left += [entry for _, entry in entries]


def _is_name(kind: Any) -> bool:
    """Whether a type is the name of something registered; a registry imports what it does not have by such a name."""
    from mmengine.utils import get_object_from_string  # takes seconds, which other configs do without

    if not isinstance(kind, str):
        return not isinstance(kind, (dict, list, tuple))
    scope, _, name = kind.rpartition('.')
    if not scope:
        return bool(name) and kind == name and name not in sys.modules and find_spec(name) is None
    return bool(name) and scope in _SCOPES and get_object_from_string(kind) is None


def _refusal(path: Path, found: str) -> UserError:
    return UserError(
        f'refused to use the config {path}: its {found} would run a program, which a .py config may, but {path.suffix} '
        'may not'
    )
