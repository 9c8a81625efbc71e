"""Reading checkpoints without ever running code from them, and writing them whole.

``torch.load`` with ``weights_only=True`` and a short allow-list, or
safetensors; there is no fall-back to plain pickle. :func:`register_safe_loaders`
puts the same reader behind MMEngine's ``load_checkpoint`` and ``resume``.
"""

import os
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from mmengine.runner.checkpoint import CheckpointLoader
from packaging.version import Version
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from .assets import ASSET_SCHEME, shipped
from .checkpoint_layouts import State, Which, state_of
from .download import fetch
from .errors import UserError, first_line
from .files import whole_file
from .hub_files import HUB_SCHEME, fetch_from_hub
from .plain_values import plain_values
from .safe_globals import allowed_globals

# Before it, weights_only=True could be made to run code (CVE-2025-32434).
SAFE_TORCH = Version('2.6.0')
TORCH_SUFFIXES = ('.pth', '.pt', '.ckpt')
_STATE_DICT_HINT = '; of a whole module save the weights alone, torch.save(model.state_dict(), FILE)'
_NO_CHECKPOINT = {
    b'version https://git-lfs': "Git LFS's pointer to one: fetch it by `git lfs pull`",
    b'<': 'a web page: download the file itself',
}


def read_checkpoint(source: str | os.PathLike[str], map_location: Any = 'cpu') -> Any:
    """Read a checkpoint from a path, a URL, ``hf://`` or ``mmssl_robust://`` (files shipped with the package).

    Args:
        source: What safetensors or ``torch.save`` wrote; the content tells which, not the name.
        map_location: Device of the tensors.

    Returns:
        What the file holds: a state dict, or a dict that contains one, unless it is no checkpoint.

    Raises:
        UserError: If the file is missing, damaged, or holds anything but
            tensors and plain values.
    """
    path = local_path(str(source))
    if not path.is_file():
        raise UserError(f'checkpoint not found: {path}')
    try:
        if _is_safetensors(path):
            return load_file(path, device=str(map_location or 'cpu'))
        if Version(torch.__version__) < SAFE_TORCH:
            raise UserError(
                f'torch {torch.__version__} cannot read {path} safely: use torch {SAFE_TORCH} or safetensors'
            )
        with torch.serialization.safe_globals(allowed_globals()):
            return _plain(torch.load(path, map_location=map_location, weights_only=True), path)
    except pickle.UnpicklingError as error:
        # PyTorch goes on to advise loading the file all the same.
        found = re.search(r'GLOBAL (\S+)', str(error))
        reason = 'it is damaged, or could run code'
        if found:
            reason = f'it asks for {found[1]}, which could run code{_STATE_DICT_HINT}'
        raise UserError(f'refused to load {path}: {reason}') from error
    except RuntimeError as error:
        # What it holds is a program, too.
        script = _STATE_DICT_HINT if 'TorchScript' in str(error) else ''
        raise UserError(f'could not read the checkpoint {path}: {first_line(error)[:200]}{script}') from error
    except (SafetensorError, EOFError, ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        raise UserError(f'could not read the checkpoint {path}: {first_line(error)[:200]}') from error


def _plain(value: Any, path: Path) -> Any:
    try:
        return plain_values(value)
    except UserError as error:
        raise UserError(f'refused to load {path}: {error}{_STATE_DICT_HINT}') from None


def read_state(source: str | os.PathLike[str], which: Which | None = None) -> State:
    """Read the weights of a checkpoint; a file without any has none.

    Args:
        source: See :func:`read_checkpoint`.
        which: See :func:`~mmssl_robust.utils.checkpoint_layouts.state_of`.

    Raises:
        UserError: See both of them; names the file.
    """
    checkpoint = read_checkpoint(source)
    try:
        return state_of(checkpoint, which)
    except UserError as error:
        raise UserError(f'{source}: {error}') from None


def notes_of(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself besides its tensors, name -> words; a file of another kind says nothing.

    Raises:
        UserError: If it is damaged.
    """
    if not path.is_file() or not _is_safetensors(path):
        return {}
    try:
        with safe_open(path, 'pt') as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f'could not read the checkpoint {path}: {first_line(error)[:200]}') from error


def save_checkpoint(
    checkpoint: dict[str, Any], path: Path, half: bool = False, notes: dict[str, str] | None = None
) -> str:
    """Write a checkpoint in the format that the suffix names, replacing ``path`` at once or not at all.

    Args:
        checkpoint: A state dict; but for ``.safetensors`` also a dict that contains one, and plain values.
        path: ``.safetensors``, ``.pth``, ``.pt`` or ``.ckpt``.
        half: Whether to store floating-point tensors in float16; BatchNorm's counters stay integers.
        notes: What the file is to say of itself, see :func:`notes_of`; of safetensors alone.

    Returns:
        One line: the file, its number of tensors and its size.

    Raises:
        UserError: If the suffix does not suit the content, or the file cannot be written.
    """
    flat = all(isinstance(value, torch.Tensor) for value in checkpoint.values())
    suffixes = ('.safetensors', *TORCH_SUFFIXES) if flat else TORCH_SUFFIXES
    if path.suffix not in suffixes:
        raise UserError(f'cannot write {path}: give a name that ends in {" or ".join(suffixes)}')
    try:
        with whole_file(path) as partial:
            if path.suffix == '.safetensors':
                save_file(_stored(checkpoint, half), partial, notes)
            else:
                torch.save(_stored(checkpoint, half), partial)
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f'cannot write {path}: {first_line(error)[:200]}') from error
    return f'{path}: {_count(checkpoint)} tensors, {path.stat().st_size / 2**20:.2f} MiB'


def local_path(source: str) -> Path:
    """The file behind a path, a URL (downloaded once), ``hf://`` or ``mmssl_robust://``; it need not exist."""
    path = shipped(source)
    if path is not None:
        return path
    if source.startswith(('http://', 'https://')):
        return fetch(source)
    if source.startswith(HUB_SCHEME):
        return fetch_from_hub(source)
    return Path(source).expanduser()


def register_safe_loaders() -> None:
    """Put :func:`read_checkpoint` behind every scheme of MMEngine's loader."""
    for prefix in list(CheckpointLoader._schemes):
        if prefix not in ('', 'http://', 'https://'):
            CheckpointLoader.register_scheme(prefix, _load_from_refused, force=True)
    CheckpointLoader.register_scheme(('', 'http://', 'https://', ASSET_SCHEME, HUB_SCHEME), _load_from_safe, force=True)


def _is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors does, with the length of a JSON object and the object.

    Raises:
        UserError: If it begins as what is often found in a checkpoint's place.
    """
    with path.open('rb') as file:
        head = file.read(64)
    # First, since the length may be the letter with which web pages begin.
    if head[8:].lstrip().startswith(b'{') and int.from_bytes(head[:8], 'little') < path.stat().st_size:
        return True
    for beginning, words in _NO_CHECKPOINT.items():
        if head.lstrip().startswith(beginning):
            raise UserError(f'{path} is no checkpoint but {words}')
    # Damaged, or one of another kind: the name says by whom it should have been written.
    return path.suffix == '.safetensors' and not head.startswith((b'PK', b'\x80'))


def _load_from_safe(filename: str, map_location: Any = None) -> dict[str, Any]:
    checkpoint: dict[str, Any] = read_checkpoint(filename, map_location)
    if not isinstance(checkpoint, dict):
        raise UserError(f'{filename} holds no weights by name')
    if isinstance(checkpoint.get('meta'), dict):
        checkpoint['meta'].pop('config', None)  # MMEngine's resume would run it
    return checkpoint


def _load_from_refused(filename: str, map_location: Any = None) -> dict[str, Any]:
    raise UserError(f'cannot load {filename} safely: download the file and give its path')


def _count(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_count, value.values()))
    return isinstance(value, torch.Tensor)


def _stored(value: Any, half: bool) -> Any:
    if isinstance(value, dict):
        return {key: _stored(inner, half) for key, inner in value.items()}
    if not isinstance(value, torch.Tensor):
        return value
    return (value.half() if half and value.is_floating_point() else value).contiguous()
