"""The file of one perturbation for all images, which may come from anywhere."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .assets import shipped
from .errors import UserError, first_line
from .files import check_regular, sha256, whole_file
from .numbers import parse_number

_NAME, _NOTES = 'delta', 'perturbation'
_BALL = ('norm', 'eps')
_VERSION, SCHEMA_VERSION = 'schema_version', '1'
_LONGEST = 1 << 14  # pixels of a side
_MAKE_IT = 'make one by `mmssl-robust universal`'


@dataclass(frozen=True)
class PerturbationFile:
    """What a file holds.

    Attributes:
        delta: (3, H, W), float32 and finite, for pixels in [0, 1].
        norm: Of the ball that it is made for.
        eps: Radius of that.
        sha256: Of the file.
        notes: What else the file says of itself, such as ``objective`` and ``data``.
    """

    delta: Tensor
    norm: str
    eps: float
    sha256: str
    notes: dict[str, str]


def read_perturbation(path: str | os.PathLike[str]) -> PerturbationFile:
    """Read a perturbation; nothing is run, and no more is read than such a file may hold.

    Args:
        path: Of the file; ``mmssl_robust://`` is one that ships with the package.

    Raises:
        UserError: If it is missing, damaged, or of another kind.
    """
    path = shipped(os.fspath(path)) or path
    check_regular(path)
    if not os.path.isfile(path):
        raise UserError(f'perturbation not found: {os.fspath(path)!r}; {_MAKE_IT}')
    try:
        with safe_open(path, 'pt') as file:
            notes = (file.metadata() or {}).get(_NOTES)
            shape = file.get_slice(_NAME).get_shape() if list(file.keys()) == [_NAME] else None
            if shape is None or len(shape) != 3 or shape[0] != 3 or not 0 < min(shape) <= max(shape) <= _LONGEST:
                raise UserError(f'{path} holds no perturbation, one tensor {_NAME!r} of (3, H, W): {_MAKE_IT}')
            delta: Tensor = file.get_tensor(_NAME)
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f'cannot read the perturbation {path}: {first_line(error)[:200]}; {_MAKE_IT}') from error
    said = _read_notes(notes, path)
    if delta.dtype != torch.float32 or not delta.isfinite().all():
        raise UserError(f'{path} holds {delta.dtype} numbers, or some that are not finite: give float32')
    norm, eps = said.pop('norm'), parse_number(said.pop('eps'), f'eps of {path}')
    return PerturbationFile(delta, norm, eps, sha256(Path(path)), said)


def _read_notes(notes: str | None, path: str | os.PathLike[str]) -> dict[str, str]:
    try:
        said = json.loads(notes or '{}')
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise UserError(f'cannot read what {path} says of itself; {_MAKE_IT}')
    if said.pop(_VERSION, SCHEMA_VERSION) != SCHEMA_VERSION:
        raise UserError(f'{path} is of a newer version of mmssl_robust: update it')
    if missing := [name for name in _BALL if name not in said]:
        raise UserError(f'{path} does not say {" and ".join(missing)} of its ball; {_MAKE_IT}')
    return said


def write_perturbation(path: str | os.PathLike[str], delta: Tensor, norm: str, eps: str, notes: dict[str, str]) -> str:
    """Write a perturbation, whole or not at all.

    Args:
        path: Where to.
        delta: (3, H, W), for pixels in [0, 1].
        norm: Of the ball.
        eps: Radius of that, as it was written.
        notes: What else the file is to say of itself.

    Returns:
        SHA-256 of the file.

    Raises:
        UserError: If it cannot be written.
    """
    with whole_file(path) as partial:
        # As one text: safetensors writes several in any order, and the file would have another hash each time.
        said = json.dumps({**notes, 'norm': norm, 'eps': eps, _VERSION: SCHEMA_VERSION}, sort_keys=True)
        save_file({_NAME: delta.detach().cpu().float().contiguous()}, partial, {_NOTES: said})
    return sha256(Path(path))
