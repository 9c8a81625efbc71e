"""Files that others have written: their names and their content are looked at before they are used."""

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import UserError, first_line

_ODD = re.compile(r'[\x00-\x1f\\:]')
_LARGEST = 2**26


def files_of(folder: Path) -> dict[str, Path]:
    """Path below a folder -> each file in it.

    Raises:
        UserError: If something in it is neither a file nor a folder, such as a link to elsewhere.
    """
    found = {}
    for path in sorted(folder.rglob('*')):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise UserError(f'{path} is neither a file nor a folder: a submission has no links; ask for another one')
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = path
    return found


def is_below(name: str) -> bool:
    """Whether a name is that of a file below the folder from which it is meant, on every system."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith('/') and '..' not in parts and not _ODD.search(name)


def is_file_name(name: str) -> bool:
    """Whether a name is that of a file or folder in the folder from which it is meant, on every system."""
    return is_below(name) and '/' not in name and name != '.'


def below(folder: Path, name: str, source: object) -> Path:
    """Return where a file lies that is named by others.

    Args:
        folder: From which the name is meant.
        name: Its path, with ``/``.
        source: What names it, for the error.

    Raises:
        UserError: If it would lie elsewhere.
    """
    if not is_below(name):
        raise UserError(f'{source} names {name!r}, which would lie outside of {folder}: nothing there is touched')
    return folder / name


def read_object(path: Path, of: str) -> dict[str, Any]:
    """Read a JSON file that is an object.

    Args:
        path: The file.
        of: What it is of, in words.

    Raises:
        UserError: If it is damaged, or too large.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f'more than {_LARGEST >> 20} MiB')
        value = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f'cannot read {path.name} of {of} ({first_line(error)}): ask for it again') from error
    if not isinstance(value, dict):
        raise UserError(f'{path.name} of {of} is no JSON object: ask for it again')
    return value
