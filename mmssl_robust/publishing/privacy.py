"""What is published tells nothing of the machine that it is from."""

import getpass
import re
from pathlib import Path

import pyarrow.parquet as pq

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.places import is_absolute

_TEXTS = ('.json', '.md', '.html', '.csv', '.tex', '.svg')


def check_private(folder: Path) -> None:
    """Refuse a folder that names a place of this machine, or its user by a folder of his.

    Raises:
        UserError: If a file of it does; says which.
    """
    places = {str(place.resolve()) for place in (Path.home(), Path.cwd())} - {'/'}
    told = re.compile('|'.join([*(rf'{re.escape(place)}(?![\w-])' for place in places), re.escape(f'/{_user()}/')]))
    for path in sorted(folder.rglob('*')):
        if path.suffix in _TEXTS and (found := told.search(path.read_text(encoding='utf-8'))):
            raise _refusal(path, folder, found[0])
        if path.suffix == '.parquet':
            for file in filter(is_absolute, _files_in(path)):
                raise _refusal(path, folder, file)


def _files_in(path: Path) -> list[str]:
    """The files that a table of records names."""
    names = [name for name in pq.read_schema(path).names if name == 'file']
    return [file for name in names for file in pq.read_table(path, columns=[name])[name].unique().to_pylist() if file]


def _refusal(path: Path, folder: Path, place: str) -> UserError:
    name = path.relative_to(folder).as_posix()
    return UserError(f'{name} would tell of {place!r} on this machine: nothing was pushed; make it without that')


def _user() -> str:
    """Name of the user; one that is no folder where the system knows none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return '\0'
