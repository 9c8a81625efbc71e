"""Where the configs are, in a checkout or an installed package, and how they are read."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import mmssl_robust
from mmssl_robust.utils.data_configs import SUFFIXES, check_data_config
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.names import close_to, nearest

if TYPE_CHECKING:
    from mmengine.config import Config

_PACKAGE = Path(mmssl_robust.__file__).parent
_ROOTS = (_PACKAGE.parent, _PACKAGE / '.mim')  # a checkout, an installed package
ENCODERS = 'configs/_base_/models'
"""Where the configs of encoders are."""
ATTACKS = 'configs/_base_/attacks'
DEFENCES = 'configs/_base_/defences'
SUITES = 'configs/benchmarks'
_VARIABLE = 'MMSSL_CONFIGS'


def find_config(path: str, beside: str | Path = '') -> Path:
    """Return the file of a config, from a folder, from here, a checkout or an installed package.

    Args:
        path: Such as ``'configs/depth/mini_nyu.py'``, or for a config of this package its name alone, ``'mini_nyu'``.
        beside: The folder where it is looked for first.

    Raises:
        UserError: If there is no such file; names the nearest ones.
    """
    for root in (Path(beside), Path(), *_ROOTS):
        if (root / path).is_file():
            return root / path
    known = run_configs()
    name = Path(path).stem
    if name in known and path in (name, f'{name}.py'):
        return known[name]
    close = nearest(name, known) if name and close_to(name, known) else ': `mmssl-robust list configs` names those here'
    raise UserError(f'config not found: {path}{close}')


def run_configs() -> dict[str, Path]:
    """Name -> file of each config of this package that can be tested or trained; no two have one name."""
    for root in _ROOTS:
        files = sorted((root / 'configs').glob('*/*.py'))
        found = {file.stem: file for file in files if file.parent.name not in ('_base_', 'benchmarks')}
        if found:
            return found
    return {}


def read_config(path: str | Path) -> 'Config':
    """Read a config, which is a program; its ``custom_imports`` are looked for beside it too.

    One in JSON or YAML is data, see :func:`.data_configs.check_data_config`.

    ``_base_ = '{{$MMSSL_CONFIGS:configs}}/depth/mini_nyu.py'`` names a config of this package from any folder.

    Raises:
        UserError: If it is missing or cannot be understood.
    """
    from mmengine.config import Config  # takes seconds, which the names of configs do without

    path = Path(path)
    if not path.is_file():
        raise UserError(f'config not found: {path}')
    if path.suffix in SUFFIXES:
        check_data_config(path, tuple(root / 'configs' for root in _ROOTS))
    try:
        with neighbours_of(path), _own_configs_named():
            return Config.fromfile(path)
    except UserError:
        raise
    except ImportError as error:
        reason = getattr(error.__cause__, '__context__', None) or error  # before MMEngine wrapped it, twice
        raise UserError(
            f'cannot use the config {path} ({first_line(reason)}): put what it imports beside it, or set PYTHONPATH to '
            'the folder of its imports'
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f'cannot use the config {path}: it is no text in UTF-8 ({error.reason})') from error
    except RecursionError as error:
        raise UserError(f'cannot use the config {path}: it is based on itself') from error
    except Exception as error:  # a config is a program: anything can go wrong in it
        raise UserError(f'cannot use the config {path}: {first_line(error)}') from error


@contextmanager
def neighbours_of(path: Path) -> Iterator[None]:
    """Let Python files beside a file be imported by name, for a while."""
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


@contextmanager
def _own_configs_named() -> Iterator[None]:
    """Let a config name those of this package by ``$MMSSL_CONFIGS``, for a while."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = next(str(root / 'configs') for root in _ROOTS if (root / 'configs').is_dir())
    try:
        yield
    finally:
        os.environ.pop(_VARIABLE)
        if before is not None:
            os.environ[_VARIABLE] = before


def configs_in(folder: str) -> dict[str, Path]:
    """Name -> file of each config in a folder that ships with the package, such as ``'configs/benchmarks'``."""
    for root in _ROOTS:
        files = sorted((root / folder).glob('*.py'))
        if files:
            return {file.stem: file for file in files}
    return {}
