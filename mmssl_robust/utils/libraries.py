"""Are the libraries here that the package needs, besides OpenMMLab's (see :mod:`.versions`)?"""

import importlib.util
import re
from importlib import metadata

from .errors import UserError

_MODULES = {'opencv-python': 'cv2', 'Pillow': 'PIL'}


def check_libraries() -> None:
    """Look for the libraries that the installed package says it needs, importing none of them.

    Raises:
        UserError: If one is missing; the line ends with the command to run.
    """
    lacking = [line for line in _required() if importlib.util.find_spec(_module_of(line)) is None]
    if lacking:
        names = ', '.join(map(_name_of, lacking))
        wanted = ' '.join(f"'{line}'" for line in lacking)
        raise UserError(f'{names} needed but not installed: run `pip install {wanted}`')


def library_problem(error: ModuleNotFoundError) -> str | None:
    """What to install where an import has failed; None if the package does not need that library."""
    try:
        check_libraries()
        from .versions import check_mm_versions  # which needs a library itself

        check_mm_versions()
    except ModuleNotFoundError:
        pass  # that library, where nothing says what is required
    except UserError as problem:
        return str(problem)
    if not _required() and not (error.name or '').startswith('mmssl_robust'):
        return (
            f'{error.name} is not installed: run `pip install -e ".[mm]" -c requirements/constraints.txt` in a checkout'
        )
    return None


def _required() -> list[str]:
    """Requirements of the package without its extras; none where it is not installed."""
    try:
        lines = metadata.requires('mmssl_robust') or []
    except metadata.PackageNotFoundError:
        return []
    return [line for line in lines if 'extra ==' not in line]


def _name_of(requirement: str) -> str:
    return re.split(r'[^\w.-]', requirement, maxsplit=1)[0]


def _module_of(requirement: str) -> str:
    name = _name_of(requirement)
    return _MODULES.get(name, name)
