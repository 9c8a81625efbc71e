"""The manifest of a submission: what it claims, and the hash of every file of it."""

from pathlib import Path
from typing import Any

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.foreign_files import files_of, is_file_name, read_object
from mmssl_robust.utils.json_files import write_json

from ..records import ROW_FILE
from ..schema import check_version
from ..suite import SUITE_FILE

SCHEMA_VERSION = 1
"""Of the manifest and of all files that only a submission has."""
MANIFEST = 'submission.json'
CONFIG_FILE, IMAGES_FILE = 'config.json', 'images.json'
_ROW = dict(name=str, task=str, data=str, encoder=dict, images=dict, results=list)


def write_manifest(folder: Path, claims: dict[str, Any]) -> None:
    """Write the manifest of a folder that has all else.

    Args:
        folder: The submission.
        claims: ``title``, ``versions``, ``rows``.
    """
    hashes = {name: sha256(path) for name, path in files_of(folder).items() if name != MANIFEST}
    write_json(dict(schema_version=SCHEMA_VERSION, **claims, files=hashes), folder / MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest, of which all that follows depends on is there and of its type.

    Raises:
        UserError: If there is none, it is damaged, or of another schema.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f'there is no {MANIFEST}: it is no submission; `mmssl-robust pack` makes one of a work dir')
    manifest = read_object(path, 'the submission')
    check_version(manifest.get('schema_version'), (SCHEMA_VERSION,), f'the submission, {MANIFEST},')
    rows, files = manifest.get('rows'), manifest.get('files')
    typed = isinstance(files, dict) and isinstance(rows, list) and rows
    if not typed or not all(map(_is_row, rows or ())) or len({row['name'] for row in rows or ()}) < len(rows or ()):
        raise UserError(f'{MANIFEST} lacks rows or files, or says them twice: ask for the submission again')
    return manifest


def changed_files(folder: Path, manifest: dict[str, Any]) -> list[str]:
    """Say of each file that is not as the manifest has it what is wrong."""
    there = {name: path for name, path in files_of(folder).items() if name != MANIFEST}
    stated = manifest['files']
    wrong = [f'{name} is missing' for name in stated if name not in there]
    wrong += [f'{name} is not named in {MANIFEST}' for name in there if name not in stated]
    return wrong + [f'{name} has another hash' for name, path in there.items() if stated.get(name, '') != sha256(path)]


def row_folder(name: str) -> str:
    """Where the files of a row are, below the submission."""
    return f'rows/{name}'


def files_of_row(name: str) -> tuple[str, ...]:
    """What a row has besides its records, below the submission."""
    return tuple(f'{row_folder(name)}/{file}' for file in (ROW_FILE, CONFIG_FILE, IMAGES_FILE))


NEEDED = (SUITE_FILE,)


def _is_row(row: Any) -> bool:
    typed = isinstance(row, dict) and all(isinstance(row.get(key), kind) for key, kind in _ROW.items())
    return typed and is_file_name(row['name'])
