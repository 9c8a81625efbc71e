"""Going on with a training: from which checkpoint, and whether it is the same training."""

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from .errors import UserError
from .files import check_regular

# What decides how a training goes on; where data lies, how fast it is read and how often it is watched does not.
_PARTS = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'randomness', 'finetune')
_FREE = {
    'checkpoint',
    'compile_backbone',
    'data_root',
    'dynamic_intervals',
    'max_epochs',
    'num_workers',
    'on_corrupt',
    'persistent_workers',
    'pin_memory',
    'prefetch_factor',
    'val_at_start',
    'val_begin',
    'val_interval',
    'with_cp',
}
_SHOWN = 4
LAST_CHECKPOINT = 'last_checkpoint'
STOPPED = 'stopped_in_epoch_{}.pth'
"""What a training that was asked to stop leaves, by the number of the epoch that is not finished."""
_NUMBER = re.compile(r'(epoch|iter|stopped_in_epoch)_(\d+)\.pth')


def newest_checkpoint(work_dir: Path) -> tuple[Path | None, list[Path]]:
    """Find where a training stopped: at what ``last_checkpoint`` names, or at the highest number.

    Higher ones than named are left over from a training before it in the same folder.

    Args:
        work_dir: Its folder.

    Returns:
        The newest whole checkpoint, None if there is none, and damaged ones that are newer.

    Raises:
        UserError: If ``last_checkpoint`` is no file.
    """
    places = {path: _place(path.name) for path in work_dir.glob('*.pth')}
    numbered = [(place, path) for path, place in places.items() if place is not None]
    last = work_dir / LAST_CHECKPOINT
    check_regular(last)  # or MMEngine could not write it, an epoch later
    named = _place(Path(last.read_text(errors='replace').strip()).name) if last.is_file() else None
    limit = float('inf') if named is None else named
    damaged: list[Path] = []
    for _, path in sorted(((number, path) for number, path in numbered if number <= limit), reverse=True):
        if is_whole(path):
            return path, damaged
        damaged.append(path)
    return None, damaged


def _place(name: str) -> float | None:
    """How far a training was at a checkpoint; None of other files."""
    found = _NUMBER.fullmatch(name)
    return None if found is None else int(found[2]) - (0.5 if found[1].startswith('stopped') else 0)


def is_whole(path: Path) -> bool:
    """Whether every byte that ``torch.save`` wrote is there, by the file's own checksums."""
    try:
        with zipfile.ZipFile(path) as file:
            return file.testzip() is None
    except Exception:  # a wrong byte in the right place raises almost anything
        return False


def training_settings(cfg: Config) -> dict[str, Any]:
    """The settings on which a training depends, as plain values that a checkpoint may hold.

    With ``train_cfg.total_batch_size``, the data loader's own ``batch_size`` is not among them.
    """
    free = _FREE | ({'batch_size'} if cfg.get('train_cfg', {}).get('total_batch_size') else set())
    settings = cfg.to_dict()
    return {key: _plain(settings[key], free) for key in _PARTS if key in settings}


def differences(saved: Mapping[str, Any], present: Mapping[str, Any]) -> str:
    """Say in a line which settings differ; empty if none does."""
    before, now = dict(_flat(saved)), dict(_flat(present))
    keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    shown = [f'{key} was {before.get(key, "not set")}, is {now.get(key, "not set")}' for key in keys[:_SHOWN]]
    return ', '.join(shown) + (f' and {len(keys) - _SHOWN} more' if len(keys) > _SHOWN else '')


def resume_from(work_dir: Path, wanted: str) -> tuple[Path | None, list[Path]]:
    """Choose the checkpoint of ``--resume``.

    Args:
        work_dir: The training's folder.
        wanted: ``'auto'`` for the newest whole one, or a path.

    Returns:
        As :func:`newest_checkpoint`.

    Raises:
        UserError: If the given one is missing or damaged, or all are.
    """
    if wanted == 'auto':
        newest, damaged = newest_checkpoint(work_dir)
        if damaged and newest is None:
            raise UserError(f'every checkpoint in {work_dir} is damaged: start again in another --work-dir')
        return newest, damaged
    path = Path(wanted)
    if not wanted or not path.is_file():
        raise UserError(f'checkpoint not found: {wanted!r}')
    if not is_whole(path):
        newest, _ = newest_checkpoint(work_dir)
        hint = f'resume from {newest}' if newest else 'start again'
        raise UserError(f'the checkpoint {path} is damaged: {hint}')
    return path, []


def _plain(value: Any, free: set[str]) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry, free) for key, entry in value.items() if key not in free}
    if isinstance(value, (list, tuple)):
        return [_plain(entry, free) for entry in value]
    return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)


def _flat(value: Any, name: str = '') -> Iterator[tuple[str, Any]]:
    if isinstance(value, (Mapping, list)) and value:
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, entry in pairs:
            yield from _flat(entry, f'{name}.{key}' if name else str(key))
    else:
        yield name, value
