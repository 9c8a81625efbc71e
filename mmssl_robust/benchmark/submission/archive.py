"""Submissions as folders and zip files; what comes from elsewhere is looked at before anything of it is unpacked."""

import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.files import whole_file
from mmssl_robust.utils.foreign_files import files_of, is_below

from ..hub_records import fetched, is_on_hub

_MOMENT = (1980, 1, 1, 0, 0, 0)  # so that the same content is the same file
_ENTRIES = 100_000
_RATIO, _SMALL = 200, 2**20  # what more than a MiB may be larger than its compressed form
_CHUNK = 2**20


def zipped(folder: Path, path: Path) -> None:
    """Write the files of a folder into a zip file, whole or not at all.

    Raises:
        UserError: If it cannot be written.
    """
    with whole_file(path) as partial, zipfile.ZipFile(partial, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, file in files_of(folder).items():
            info = zipfile.ZipInfo(name, _MOMENT)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with archive.open(info, 'w', force_zip64=True) as target, file.open('rb') as source:
                shutil.copyfileobj(source, target)


@contextmanager
def unpacked(path: str | Path, limit: int) -> Iterator[Path]:
    """Give a submission as a folder, that of a zip file or of the Hub for a while.

    Args:
        path: The folder, the zip file, or ``hf://datasets/OWNER/NAME``.
        limit: Bytes that a zip file may unpack to, or that may be fetched.

    Raises:
        UserError: If it is neither, is damaged, or would write elsewhere or too much.

    Examples:
        >>> import zipfile
        >>> from mmssl_robust.benchmark.submission import unpacked
        >>> with zipfile.ZipFile('submission.zip', 'w') as archive:  # or one that pack has written
        ...     archive.writestr('manifest.json', '{}')
        >>> with unpacked('submission.zip', limit=2**20) as folder:
        ...     [path.name for path in folder.iterdir()]
        ['manifest.json']
    """
    if is_on_hub(path):
        with fetched(str(path), limit=limit) as fetched_folder:
            yield fetched_folder
        return
    path = Path(path)
    if path.is_dir():
        yield path
        return
    if not path.is_file():
        raise UserError(f'there is no {path}: give a submission, a zip file or a folder')
    with tempfile.TemporaryDirectory(prefix='mmssl_robust-') as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                _extract(archive, Path(folder), path, limit)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
            raise UserError(f'{path} is no zip file, or damaged ({first_line(error)}): ask for it again') from error
        except zipfile.zlib.error as error:  # type: ignore[attr-defined]
            raise UserError(f'{path} is damaged ({first_line(error)}): ask for it again') from error
        yield Path(folder)


def _extract(archive: zipfile.ZipFile, folder: Path, path: Path, limit: int) -> None:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    _check_entries(entries, path, limit)
    left = limit
    for entry in entries:
        target = folder / entry.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, target.open('xb') as file:
            while chunk := source.read(_CHUNK):
                left -= len(chunk)
                if left < 0:  # whatever its index said
                    raise UserError(_too_large(path, limit))
                file.write(chunk)


def _check_entries(entries: list[zipfile.ZipInfo], path: Path, limit: int) -> None:
    """Refuse, by the index alone, what would write elsewhere or too much."""
    names = [entry.filename for entry in entries]
    if len(names) > _ENTRIES or len(set(names)) < len(names):
        raise UserError(f'{path} has {len(names)} entries, some of one name or too many: do not trust it')
    for entry in entries:
        if not is_below(entry.filename):
            raise UserError(f'{path} holds {entry.filename!r}, which would be written elsewhere: do not trust it')
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UserError(f'{path} holds the link {entry.filename!r}: do not trust it')
        if entry.file_size > _SMALL and entry.file_size > _RATIO * max(entry.compress_size, 1):
            raise UserError(
                f'{path} holds {entry.filename!r}, {entry.compress_size} bytes that become {entry.file_size}: '
                'do not trust it'
            )
    if sum(entry.file_size for entry in entries) > limit:
        raise UserError(_too_large(path, limit))


def _too_large(path: Path, limit: int) -> str:
    return f'{path} unpacks to more than {limit / 2**30:g} GiB: give --max-gib if you trust it'
