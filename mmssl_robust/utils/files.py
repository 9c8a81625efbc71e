"""Files that are whole or not there."""

import hashlib
import os
import re
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from .errors import UserError

# Beside its place until it is whole: who writes it, as a process of which machine.
_PARTIAL = re.compile(r'\..*\.(\d+)@([0-9a-f]{8})\.partial')
_ABANDONED = 24 * 3600  # seconds after which what another machine has begun is taken for left behind
_DEVICES = Path('/dev')
_tidied: set[Path] = set()


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Let a file be written beside its place, and put it there when it is complete.

    Whatever happens meanwhile, what was at its place stays. The file has the permissions of the one that it replaces,
    otherwise those that the process gives to new files, whoever writes it: safetensors would hide it from others.

    Args:
        path: Where the file shall be; its folder is made.

    Yields:
        Where to write it.

    Raises:
        UserError: If it cannot be written, such as on a full disk.
    """
    path = Path(path)
    check_replaceable(path)
    partial = path.with_name(partial_name(path.name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _tidy_once(path.parent)
        try:
            mode = _mode_of(path, partial)
            yield partial
            if stat.S_IMODE(partial.stat().st_mode) != mode:
                os.chmod(partial, mode)
            with open(partial, 'rb') as file:
                os.fsync(file.fileno())  # some file systems would rename it before its content is on the disk
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f'cannot write {path}: {reason}; nothing that was there has changed') from error


def check_replaceable(path: Path) -> None:
    """Refuse to put a file in the place of a pipe, socket or device, such as ``/dev/null``, which root could replace.

    Raises:
        UserError: If there is one.
    """
    special = path.exists() and not path.is_file() and not path.is_dir()
    if special or path.parent.resolve() == _DEVICES:
        raise UserError(f'cannot write {path}: it is the place of a pipe, socket or device: name a file')


def check_folder(path: str | os.PathLike[str], name: str) -> None:
    """Find out before the work whether a folder can be written to, or made; what was made for that goes again.

    Args:
        path: The folder.
        name: What gave it, such as an option of the command line.

    Raises:
        UserError: If it cannot.
    """
    path = Path(path)
    missing = [place for place in (path, *path.parents) if not os.path.lexists(place)]
    try:
        path.mkdir(parents=True, exist_ok=True)
        writable = os.access(path, os.W_OK | os.X_OK)
    except FileExistsError as error:
        raise UserError(f'{name} {path} is no folder: give another place') from error
    except OSError as error:
        raise UserError(f'{name} {path} cannot be made: {error.strerror}') from error
    finally:
        for place in missing:  # the innermost first
            with suppress(OSError):
                place.rmdir()
    if not writable:
        raise UserError(f'{name} {path} is read-only: give another place')


def check_file(path: str | os.PathLike[str], name: str) -> None:
    """Find out before the work whether a file can be written, as :func:`whole_file` will.

    Args:
        path: The file.
        name: What gave it, such as an option of the command line.

    Raises:
        UserError: If it cannot.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f'{name} {path} is a folder: name a file in it')
    check_replaceable(path)
    check_folder(path.parent, name)


def _mode_of(path: Path, free: Path) -> int:
    """Permissions of a file, if there is none of a new one at a free place; reading the umask would change it."""
    if not path.exists():
        free.touch()
        path = free
    mode = stat.S_IMODE(path.stat().st_mode)
    free.unlink(missing_ok=True)
    return mode


def check_regular(path: str | os.PathLike[str]) -> None:
    """Refuse what is there and is no regular file: at a pipe a reader waits for ever, and a device has no end.

    Raises:
        UserError: If it is such.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        what = 'a folder' if os.path.isdir(path) else 'a pipe, socket or device'
        raise UserError(f'{os.fspath(path)} is {what}, where there must be a file')


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file; one that has not changed is read once."""
    state = Path(path).stat()
    return _sha256(Path(path).resolve(), state.st_size, state.st_mtime_ns)


@cache
def _sha256(path: Path, size: int, moment: int) -> str:  # noqa: ARG001
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder to a place where there is nothing, as a whole or not at all.

    Raises:
        UserError: If it cannot be written.
    """
    partial = target.with_name(partial_name(target.name))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _tidy_once(target.parent)
        try:
            shutil.copytree(source, partial)
            os.rename(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:  # that of copytree is a list of several
        raise UserError(f'cannot write {target}: {error.strerror or error}') from error


def partial_name(name: str, pid: int | None = None) -> str:
    """What a file is called until it is whole.

    Args:
        name: Its name.
        pid: The process that writes it, by default this one.
    """
    return f'.{name}.{pid or os.getpid()}@{_machine()}.partial'


def remove_partial_files(folder: Path) -> None:
    """Remove what processes that were killed have left of unfinished files and folders, and nobody else's.

    Those of this machine are asked for; of another one, or another container, what has not changed for a day goes.
    """
    for path in folder.glob('.*.partial'):
        found = _PARTIAL.fullmatch(path.name)
        if found and not (_is_running(int(found[1])) if found[2] == _machine() else _is_recent(path)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _tidy_once(folder: Path) -> None:
    """Look at a folder before the first file that this process writes into it; it may hold thousands."""
    if folder not in _tidied:
        _tidied.add(folder)
        remove_partial_files(folder)


@cache
def _machine() -> str:
    """What tells a process number from the same one elsewhere: this host, and its space of process numbers."""
    space = os.readlink('/proc/self/ns/pid') if os.path.islink('/proc/self/ns/pid') else ''
    return hashlib.sha256(f'{socket.gethostname()} {space}'.encode()).hexdigest()[:8]


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _is_recent(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < _ABANDONED
    except OSError:
        return True
