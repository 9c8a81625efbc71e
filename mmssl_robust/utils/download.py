"""Weights by URL: downloaded once, in parts if need be, and checked at every use.

``MMSSL_WEIGHTS=folder`` is a local mirror, where files lie by their name or by host and path of their URL.
"""

import hashlib
import http.client
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

import torch
from filelock import FileLock
from mmengine.dist import broadcast_object_list, is_main_process
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from .errors import UserError, first_line
from .files import sha256, whole_file
from .hub_files import MIRROR
from .terminal import console

_TRIES = 5
_TIMEOUT = 30  # seconds without a byte
_CHUNK = 1 << 20
_OWN = ('.sha256', '.part', '.part.json', '.lock', '.partial')  # what is put beside a file
_LONGEST = 200  # bytes of a name: those beside it are longer


class _Cut(Exception):
    """The connection ended before the file did."""


class _Record(NamedTuple):
    """What is known of a file that was fetched: its SHA-256, and the URL it is from."""

    sha256: str
    url: str


def fetch(url: str) -> Path:
    """Return the local file of a URL, after downloading it if it is not there; every process must call it.

    The hash is compared with the one in the file's name, as PyTorch and OpenMMLab publish it (``-4d9cce50.pth``), and
    with the one recorded when the file was first used. One process downloads.

    Args:
        url: ``http://`` or ``https://``.

    Raises:
        UserError: If it cannot be downloaded, or is not what it was or should be; says which file to put where.
    """
    try:
        parts = urlparse(url)
        if not parts.hostname or parts.port == 0:  # a port that is none raises
            raise ValueError('it names no host')
    except ValueError as error:
        raise UserError(f'{url} is no URL: {error}') from error
    # What fails for one process must fail for all: the others would wait for ever.
    outcome: list[Any] = [None, None]
    if is_main_process():
        try:
            outcome[0] = str(_fetch(url))
        except UserError as error:
            outcome[1] = str(error)
    broadcast_object_list(outcome)
    if outcome[1]:
        raise UserError(outcome[1])
    return Path(outcome[0])


def _fetch(url: str) -> Path:
    cached = _place_of(url)
    record = cached.with_name(f'{cached.name}.sha256')
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        # Held until this process ends, however it ends; another run then finds the file.
        with FileLock(cached.with_name(f'.{cached.name}.lock')):
            path = _in_mirror(url) or cached
            if not path.is_file():
                _download(url, cached)
            _check(path, record, url)
    except OSError as error:
        raise UserError(f'cannot write to {cached.parent}: {error.strerror or error}') from error
    return path


def _place_of(url: str) -> Path:
    """Where torch.hub would put a file, unless there is one of that name from another URL."""
    path = Path(torch.hub.get_dir()) / 'checkpoints' / _name_of(url)
    known = _read_record(path.with_name(f'{path.name}.sha256'))
    if known and known.url and known.url != url:
        return path.with_name(f'{hashlib.sha256(url.encode()).hexdigest()[:8]}-{path.name}')
    return path


def _name_of(url: str) -> str:
    """The name of a URL's file.

    Raises:
        UserError: If it is none of a file, or one that this cache needs for itself.
    """
    try:
        parts = urlparse(url)
        host, name = parts.hostname, parts.path.rpartition('/')[2]
    except ValueError as error:  # such as half an IPv6 address
        raise UserError(f'{url!r} is no URL ({first_line(error)}): give that of a file of weights') from error
    if not host or not name.strip('.') or not name.isprintable() or name.startswith('.') or name.endswith(_OWN):
        raise UserError(
            f'{url!r} names no file of weights: give a URL that ends in its name, such as https://HOST/X.pth'
        )
    if len(name.encode()) > _LONGEST:
        raise UserError(f'the name of the file of {url[:80]}... is too long: download it, and give its path')
    return name


def _in_mirror(url: str) -> Path | None:
    folder = os.environ.get(MIRROR)
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise UserError(f'{MIRROR}={folder} is no folder: name the one that holds the weights, or unset it')
    parts = urlparse(url)
    # By host and path first, where names are unambiguous.
    candidates = (Path(folder) / parts.netloc / parts.path.lstrip('/'), Path(folder) / Path(parts.path).name)
    return next((path for path in candidates if path.is_file()), None)


def _check(path: Path, record: Path, url: str) -> None:
    digest, known = sha256(path), _read_record(record)
    published = _published_hash(url)
    if published and not digest.startswith(published):
        raise UserError(f'{path} is damaged: its SHA-256 does not begin with {published}; delete it')
    if known is None:
        with whole_file(record) as partial:
            partial.write_text(f'{digest}  {url}\n')
    elif known.sha256 != digest:
        raise UserError(f'{path} is not the file that was first downloaded: delete it and {record}')


def _read_record(path: Path) -> _Record | None:
    """What a record says; None if there is none, or an empty or torn one."""
    if not path.is_file():
        return None
    digest, _, url = path.read_text(errors='replace').strip().partition('  ')
    return _Record(digest, url) if re.fullmatch('[0-9a-f]{64}', digest) else None


def _published_hash(url: str) -> str:
    found = re.search(r'-([0-9a-f]{8,64})\.[^.]+$', Path(urlparse(url).path).name)
    return found[1] if found else ''


def _download(url: str, path: Path) -> None:
    """Download a file beside its place, and put it there when it is whole and what it should be."""
    part = path.with_name(f'{path.name}.part')
    for number in range(_TRIES):
        before = part.stat().st_size if part.is_file() else 0
        try:
            _download_rest(url, part)
            break
        except (_Cut, OSError, http.client.HTTPException) as error:
            advanced = part.is_file() and part.stat().st_size > before
            if isinstance(error, HTTPError) or not advanced or number == _TRIES - 1:
                mirror = f' or in {os.environ[MIRROR]}' if os.environ.get(MIRROR) else ''
                reason = first_line(error)[:200]
                raise UserError(
                    f'could not download {url} ({reason}): try again, or put the file at {path}{mirror}'
                ) from error
    published = _published_hash(url)
    if published and not sha256(part).startswith(published):
        _forget(part)
        raise UserError(f'what {url} gives is damaged: its SHA-256 does not begin with {published}; try again')
    if not _looks_like_weights(part):
        beginning = part.read_bytes()[:20]
        _forget(part)
        raise UserError(f'what {url} gives are no weights, it begins with {beginning!r}: put the file at {path}')
    os.replace(part, path)
    _forget(part)


def _download_rest(url: str, part: Path) -> None:
    """Fetch what is missing of a file, all of it if the server has another one by now."""
    state = _state_of(part, url)
    size = part.stat().st_size if state else 0
    headers = {'User-Agent': 'mmssl_robust'}
    if size:
        headers |= {'Range': f'bytes={size}-', 'If-Range': state['validator']}
    try:
        response = urlopen(Request(url, headers=headers), timeout=_TIMEOUT)
    except HTTPError as error:
        if error.code != 416 or not size:
            raise
        if error.headers.get('Content-Range') == f'bytes */{size}':
            return  # all of it was there already
        # What is there is no beginning of it.
        _forget(part)
        response = urlopen(Request(url, headers={'User-Agent': 'mmssl_robust'}), timeout=_TIMEOUT)
    with response:
        if response.status == 206 and not _continues(response, size):
            _forget(part)
            raise _Cut('the server continued at another place')
        if response.status != 206:
            size = 0
            _forget(part)
            _state_file(part).write_text(json.dumps(dict(url=url, validator=_validator(response))))
        length = response.headers.get('Content-Length')
        total = size + int(length) if length else None
        with open(part, 'ab') as file, _progress(url, size, total) as advance:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                advance(len(chunk))
    if total is not None and part.stat().st_size != total:
        raise _Cut(f'{part.stat().st_size} of {total} bytes came')


def _continues(response: http.client.HTTPResponse, size: int) -> bool:
    """Whether a partial answer begins where the part here ends."""
    found = re.match(r'bytes (\d+)-', response.headers.get('Content-Range') or '')
    return found is not None and int(found[1]) == size


def _looks_like_weights(path: Path) -> bool:
    """Whether a file begins as PyTorch's (zip, pickle, tar) or safetensors do, and not as an error page."""
    with open(path, 'rb') as file:
        head = file.read(512)
    return head[:2] == b'PK' or head[:1] == b'\x80' or head[257:262] == b'ustar' or head[8:9] == b'{'


def _state_of(part: Path, url: str) -> dict[str, str]:
    """How the server names the version of a file of which a part is here; empty to begin anew."""
    try:
        state = json.loads(_state_file(part).read_text())
    except (OSError, ValueError):
        return {}
    return state if part.is_file() and state.get('validator') and state.get('url') == url else {}


def _validator(response: http.client.HTTPResponse) -> str:
    """A strong ETag, or else the date: with neither, a part cannot be told from one of another version."""
    etag = response.headers.get('ETag') or ''
    return etag if etag.startswith('"') else response.headers.get('Last-Modified') or ''


def _state_file(part: Path) -> Path:
    return part.with_name(f'{part.name}.json')


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _state_file(part).unlink(missing_ok=True)


@contextmanager
def _progress(url: str, done: int, total: int | None) -> Iterator[Any]:
    if not console.is_terminal:
        console.print(f'downloading {url}', soft_wrap=True)
        yield lambda _: None
        return
    columns = (TextColumn('{task.description}'), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(Path(urlparse(url).path).name, completed=done, total=total)
        yield lambda count: progress.advance(task, count)
