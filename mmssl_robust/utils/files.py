"""Files that are whole or not there."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from .errors import UserError

_SUFFIX = '.partial'


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
    partial = path.with_name(f'.{path.name}.{os.getpid()}{_SUFFIX}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
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


def check_folder(path: str | os.PathLike[str], name: str) -> None:
    """Make a folder, if it is not there, and find out before the work whether it can be written to.

    Args:
        path: The folder.
        name: What gave it, such as an option of the command line.

    Raises:
        UserError: If it cannot.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UserError(f'{name} {path} is no folder: give another place') from error
    except OSError as error:
        raise UserError(f'{name} {path} cannot be made: {error.strerror}') from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise UserError(f'{name} {path} is read-only: give another place')


def _mode_of(path: Path, free: Path) -> int:
    """Permissions of a file, if there is none of a new one at a free place; reading the umask would change it."""
    if not path.exists():
        free.touch()
        path = free
    mode = stat.S_IMODE(path.stat().st_mode)
    free.unlink(missing_ok=True)
    return mode


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


def remove_partial_files(folder: Path) -> None:
    """Remove what processes of this machine that were killed have left of unfinished files."""
    for path in folder.glob(f'.*{_SUFFIX}'):
        if not _is_running(path.name.removesuffix(_SUFFIX).rpartition('.')[2]):
            path.unlink(missing_ok=True)


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True
