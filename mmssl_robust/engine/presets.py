"""The attacks that can be called by name, one file each in ``configs/_base_/attacks``."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

import mmssl_robust
from mmssl_robust.utils.errors import UserError

_PACKAGE = Path(mmssl_robust.__file__).parent
_ROOTS = (_PACKAGE.parent, _PACKAGE / '.mim')  # a checkout, an installed package


def load_preset(name: str, **changes: Any) -> dict[str, Any]:
    """Read an attack's config.

    Args:
        name: ``'pgd'``, ``'embed'``, ``'segpgd'``, ``'depthpgd'``, or any other file beside them.
        **changes: Settings to change; None leaves the preset's.

    Raises:
        UserError: If there is no such preset; lists those that there are.
    """
    known = presets()
    if name not in known:
        raise UserError(f'unknown attack {name!r}: use one of {", ".join(known)}')
    attack = Config.fromfile(known[name]).attack.to_dict()
    return attack | {key: value for key, value in changes.items() if value is not None}


def presets() -> dict[str, Path]:
    """Name -> file of each preset, in a checkout or an installed package."""
    for root in _ROOTS:
        files = sorted((root / 'configs' / '_base_' / 'attacks').glob('*.py'))
        if files:
            return {file.stem: file for file in files}
    return {}


def find_config(path: str) -> Path:
    """Return the file of a config, from here, a checkout or an installed package.

    Args:
        path: Such as ``'configs/depth/mini_nyu.py'``.

    Raises:
        UserError: If there is no such file.
    """
    for root in (Path(), *_ROOTS):
        if (root / path).is_file():
            return root / path
    raise UserError(f'config not found: {path}')
