"""Where the configs are, in a checkout or an installed package."""

from pathlib import Path

import mmssl_robust
from mmssl_robust.utils.errors import UserError

_PACKAGE = Path(mmssl_robust.__file__).parent
_ROOTS = (_PACKAGE.parent, _PACKAGE / '.mim')  # a checkout, an installed package


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


def configs_in(folder: str) -> dict[str, Path]:
    """Name -> file of each config in a folder that ships with the package, such as ``'configs/benchmarks'``."""
    for root in _ROOTS:
        files = sorted((root / folder).glob('*.py'))
        if files:
            return {file.stem: file for file in files}
    return {}
