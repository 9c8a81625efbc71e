"""Records and submissions of the Hugging Face Hub, as folders; nothing is fetched but what their list names."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.foreign_files import files_of, is_below, read_object
from mmssl_robust.utils.hub_files import HUB_SCHEME, fetch_from_hub, parse_repository
from mmssl_robust.utils.json_files import write_json

from .schema import check_version
from .suite import SUITE_FILE
from .transfers import TRANSFER_FILE

FILES, SCHEMA_VERSION = 'files.json', 1
_WEIGHTS = ('.safetensors', '.pth', '.pt', '.ckpt', '.bin', '.tar')
_SUFFIXES = ('.json', '.parquet', *_WEIGHTS)
_RECORDS = (SUITE_FILE, TRANSFER_FILE, 'rows/')


def write_list(folder: Path) -> None:
    """Write into a folder of records what is to be fetched of it, each file with its hash.

    Raises:
        UserError: If it has a file of a kind that is not fetched.
    """
    hashes = {name: sha256(path) for name, path in files_of(folder).items() if name != FILES}
    for name in hashes:
        if not name.endswith(_SUFFIXES):
            raise UserError(f'{name} would not be fetched again: of weights make a file {" or ".join(_WEIGHTS)}')
    write_json(dict(schema_version=SCHEMA_VERSION, files=hashes), folder / FILES)


def is_on_hub(place: str | Path) -> bool:
    """Whether a place is an address of the Hub."""
    return str(place).startswith(HUB_SCHEME)


@contextmanager
def records_at(place: str | Path) -> Iterator[Path]:
    """Give the folder of records, those of the Hub for a while, with the name of their repository.

    Args:
        place: A folder, or ``hf://datasets/OWNER/NAME``.

    Raises:
        UserError: If it cannot be fetched, or is not what its list says.
    """
    if not is_on_hub(place):
        yield Path(place)
        return
    with fetched(str(place), lambda name: name.startswith(_RECORDS)) as folder:
        yield folder


@contextmanager
def fetched(address: str, wanted: Callable[[str], bool] = bool, limit: int | None = None) -> Iterator[Path]:
    """Fetch what :func:`write_list` has listed.

    Args:
        address: ``hf://datasets/OWNER/NAME``.
        wanted: Says of a file whether it is to be fetched.
        limit: Bytes that all of it may have.

    Raises:
        UserError: See :func:`records_at`.
    """
    repository, file = parse_repository(address)
    if file or not repository.is_dataset:
        raise UserError(f'{address} names no records: write hf://datasets/OWNER/NAME')
    hashes = _listed(read_object(fetch_from_hub(f'{repository}/{FILES}'), address), address)
    with tempfile.TemporaryDirectory(prefix='mmssl_robust-') as place:
        folder = Path(place) / repository.id.rpartition('/')[2]
        folder.mkdir()
        left = limit
        for name in filter(wanted, hashes):
            source, target = fetch_from_hub(f'{repository}/{name}'), folder / name
            if left is not None and (left := left - source.stat().st_size) < 0:
                raise UserError(f'{address} has more than {limit} bytes: give --max-gib if you trust it')
            _copy(source, target, address)
            if sha256(target) != hashes[name]:
                raise UserError(f'{name} of {address} has another hash than its {FILES} says: ask for it again')
        yield folder


def _copy(source: Path, target: Path, address: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:  # no room, or a name that is another's folder
        raise UserError(f'cannot keep the files of {address}: {first_line(error)}') from error


def _listed(value: dict[str, Any], address: str) -> dict[str, str]:
    """Name -> hash of the files of a list, of which none would be written elsewhere."""
    check_version(value.get('schema_version'), (SCHEMA_VERSION,), f'{FILES} of {address}')
    hashes = value.get('files')
    if not isinstance(hashes, dict) or not all(isinstance(digest, str) for digest in hashes.values()):
        raise UserError(f'{FILES} of {address} lists no files: ask for it again')
    for name in hashes:
        if not is_below(name) or not name.endswith(_SUFFIXES):
            raise UserError(f'{FILES} of {address} names {name!r}, which is no file of records: do not trust it')
    return hashes
