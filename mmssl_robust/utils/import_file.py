"""Importing a file of one's own by its path."""

import importlib.util
import sys
from pathlib import Path

from .errors import UserError, first_line


def import_file(path: Path) -> None:
    """Run a Python file as a module, once, so that what it registers is known.

    Args:
        path: The file; the person at the terminal names it, no data does.

    Raises:
        UserError: If it is missing or fails.
    """
    path = Path(path).resolve()
    if path.stem in sys.modules and getattr(sys.modules[path.stem], '__file__', None) == str(path):
        return
    spec = importlib.util.spec_from_file_location(path.stem, path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise UserError(f'no Python file at {path}: give the path of one')
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # it is a program: anything can go wrong in it
        del sys.modules[path.stem]
        raise UserError(f'cannot import {path}: {first_line(error)}') from error
