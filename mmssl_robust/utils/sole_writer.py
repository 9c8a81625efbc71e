"""A folder that one process writes to at a time."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from .errors import UserError

LOCK_FILE = '.writer'
# Of this process, whose second lock would succeed, and take the first away with it.
_HELD: dict[Path, object] = {}


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Keep other processes, also of other machines on a shared file system, from writing to a folder meanwhile.

    The lock goes with the process, however that ends. Where there are no locks, nothing is kept off.

    Args:
        folder: It is made. The file that is locked stays in it.

    Raises:
        UserError: If another process, or another call in this one, writes to it; says which.
    """
    place, writer = folder.resolve(), object()
    if _HELD.setdefault(place, writer) is not writer:
        raise _refusal(folder, 'another call in this process')
    with ExitStack() as stack:
        stack.callback(_HELD.pop, place)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(open(folder / LOCK_FILE, 'a+', errors='replace'))
        except OSError:
            pass  # whoever writes there says why that cannot be
        else:
            _lock(file, folder)
        yield


def _lock(file: TextIO, folder: Path) -> None:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            return  # the file system knows no locks
        file.seek(0)
        raise _refusal(folder, file.read().strip() or 'another process') from error
    file.truncate(0)
    file.write(f'process {os.getpid()} on {socket.gethostname()}\n')
    file.flush()


def _refusal(folder: Path, writer: str) -> UserError:
    return UserError(f'{folder} is being written to by {writer}: wait for its end, or give another folder')
