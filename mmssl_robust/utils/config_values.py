"""Settings of MMEngine's and this package's that mean nothing: found before anything is built, by their keys."""

import multiprocessing
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from .errors import UserError
from .numbers import check_integer, check_number
from .registered import class_of
from .scopes import libraries_with
from .signatures import check_kinds

_MOST_SEED = 2**32 - 1
_OWN = 'mmssl_robust.'
_LEVELS = ('CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG', 'NOTSET')


TEST_SECTIONS = ('model', 'test_dataloader', 'test_evaluator')
"""What a config says of a test."""


def check_sections(cfg: Config, config: str | Path, names: Sequence[str] = TEST_SECTIONS) -> None:
    """Check that a config says what a test needs.

    Args:
        cfg: The config.
        config: What to call it.
        names: Of the sections.

    Raises:
        UserError: If one is not there.
    """
    missing = [name for name in names if not cfg.get(name)]
    if missing:
        raise UserError(f'{config} has no test section: {" and ".join(missing)} are not set')


def check_values(cfg: Config, path: str | Path) -> None:
    """Check what a config says of how to run: numbers, switches, and what its sections are.

    Args:
        cfg: The config.
        path: What to call it.

    Raises:
        UserError: Names the first key whose value means nothing.
    """
    for key, value in _settings(cfg.to_dict(), ''):
        for pattern, check in _RULES:
            if pattern.fullmatch(key):
                try:
                    check(value, key)
                except UserError as error:
                    raise UserError(f'{path}: {error}') from None
        if isinstance(value, Mapping):
            _check_own(value, key, path)


def _check_own(section: Mapping[str, Any], key: str, path: str | Path) -> None:
    """Check what is given to a class of this package, whose arguments are annotated."""
    name = section.get('type')
    kind = class_of(name) if not isinstance(name, str) or name.startswith(_OWN) else None
    if callable(kind) and kind.__module__.startswith(_OWN):
        try:
            check_kinds(kind, {name: value for name, value in section.items() if name != 'type'}, key)
        except UserError as error:
            raise UserError(f'{path}: {error}') from None


def _settings(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Every entry of a config, with its dotted key; those of sections come after them."""
    entries = value.items() if isinstance(value, Mapping) else enumerate(value)
    for name, entry in entries:
        own = f'{key}.{name}' if key else str(name)
        yield own, entry
        if isinstance(entry, (Mapping, list, tuple)):
            yield from _settings(entry, own)


def _integer(least: int, most: int | None = None, nothing: bool = False) -> Callable[[Any, str], None]:
    def check(value: Any, key: str) -> None:
        if value is not None or not nothing:
            check_integer(value, key, least, most)

    return check


def _number(least: float | None = None, above: float | None = None) -> Callable[[Any, str], None]:
    def check(value: Any, key: str) -> None:
        check_number(value, key, least, above)

    return check


def _interval(value: Any, key: str) -> None:
    if value != -1 or isinstance(value, bool):  # MMEngine's never
        check_integer(value, key, 1)


def _kind(*kinds: type, words: str) -> Callable[[Any, str], None]:
    def check(value: Any, key: str) -> None:
        if not isinstance(value, kinds):
            raise UserError(f'{key}={value!r}: give {words}')

    return check


def _section(value: Any, key: str) -> None:
    if isinstance(value, (bool, int, float, str, list, tuple)):  # an object that is built already may be anything else
        raise UserError(f'{key}={value!r}: give a section, such as dict(type=...)')


def _present(value: Any, key: str) -> None:
    _section(value, key)
    if not value:
        raise UserError(f'{key}={value!r}: give a section, such as dict(type=...)')


def _sections(value: Any, key: str) -> None:
    if isinstance(value, (list, tuple)):  # one after the other
        for place, entry in enumerate(value):
            _present(entry, f'{key}.{place}')
    else:
        _section(value, key)


def _level(value: Any, key: str) -> None:
    if value not in _LEVELS and not isinstance(value, int):
        raise UserError(f'{key}={value!r}: use one of {", ".join(_LEVELS)}')


def _width(value: Any, key: str) -> None:
    if not isinstance(value, (list, tuple)):  # of several layers, each has a key of its own
        check_integer(value, key, 1)


def _epsilon(value: Any, key: str) -> None:
    if value is not None and not isinstance(value, (list, tuple)):  # Adafactor has two, of which one may be None
        check_number(value, key, least=0)


def _colours(value: Any, key: str) -> None:
    _section(value, key)
    mean, std = (value.get(name) for name in ('mean', 'std')) if isinstance(value, Mapping) else (None, None)
    for name, numbers in dict(mean=mean, std=std).items():
        for number in numbers if isinstance(numbers, (list, tuple)) else [] if numbers is None else [numbers]:
            check_number(number, f'{key}.{name}', above=0 if name == 'std' else None)
    if isinstance(mean, (list, tuple)) and isinstance(std, (list, tuple)) and len(mean) != len(std):
        raise UserError(f'{key} has {len(mean)} numbers as mean and {len(std)} as std: give one of each for a channel')


def _start_method(value: Any, key: str) -> None:
    if value not in (known := multiprocessing.get_all_start_methods()):
        raise UserError(f'{key}={value!r}: use one of {", ".join(known)}')


def _optimizer(value: Any, key: str) -> None:
    from mmengine.registry import OPTIMIZERS

    if isinstance(value, str) and not libraries_with(value, OPTIMIZERS.name) and OPTIMIZERS.get(value) is None:
        raise UserError(f'{key}={value!r}: there is no such optimiser')


_SWITCH = _kind(bool, words='True or False')
_HOOKS = r'(?:default_hooks\.\w+|custom_hooks\.\d+)'
_DATA = r'\w+_dataloader\.dataset(?:\.dataset|\.datasets\.\d+)*'
_HEADS = r'model\.(?:head|decode_head|auxiliary_head)(?:\.\d+)?'
_RULES: list[tuple[re.Pattern[str], Callable[[Any, str], None]]] = [
    (re.compile(key), check)
    for key, check in (
        (r'model|model\.backbone|\w+_dataloader\.dataset', _present),
        (r'(?:train|val|test|bank)_dataloader|optim_wrapper|(?:train|val|test)_cfg', _section),
        (r'env_cfg(?:\.mp_cfg|\.dist_cfg)?|randomness|log_processor|auto_scale_lr', _section),
        (r'default_hooks(?:\.\w+)?|visualizer|optim_wrapper\.clip_grad', _section),
        (r'param_scheduler', _kind(list, tuple, Mapping, type(None), words='a list of sections')),
        (r'custom_hooks|vis_backends|visualizer\.vis_backends', _kind(list, tuple, type(None), words='a list')),
        (r'(?:custom_hooks|vis_backends)\.\d+', _present),
        (r'model\.(?:head|decode_head|neck)', _sections),
        (rf'{_HEADS}\.num_classes', _integer(1)),
        (rf'{_HEADS}\.in_channels(?:\.\d+)?', _width),
        (r'model\.data_preprocessor', _colours),
        (r'train_cfg\.(?:max_epochs|max_iters)', _integer(1)),
        (r'\w+_cfg\.(?:val_interval|images_per_epoch|total_batch_size|max_images)', _integer(1, nothing=True)),
        (r'\w+_cfg\.(?:val_begin|max_skipped_steps)', _integer(0)),
        (r'\w+_cfg\.(?:val_at_start|by_epoch)', _SWITCH),
        (r'val_cfg\.probes\.\w+\.(?:max_images|bank_images|batch_size)', _integer(1, nothing=True)),
        (r'\w+_dataloader\.batch_size', _integer(1)),
        (r'\w+_dataloader\.num_workers', _integer(0)),
        (r'\w+_dataloader\.prefetch_factor', _integer(1, nothing=True)),
        (r'\w+_dataloader\.(?:persistent_workers|pin_memory|drop_last)', _SWITCH),
        (r'optim_wrapper\.optimizer', _present),
        (r'optim_wrapper\.optimizer\.type', _optimizer),
        (r'optim_wrapper\.accumulative_counts', _integer(1)),
        (r'optim_wrapper\.optimizer\.(?:lr|weight_decay|momentum)', _number(least=0)),
        (r'optim_wrapper\.optimizer\.eps(?:\.\d+)?', _epsilon),
        (r'optim_wrapper\.clip_grad\.(?:max_norm|clip_value)', _number(above=0)),
        (r'param_scheduler\.\d+\.begin', _integer(0)),
        (r'param_scheduler\.\d+\.(?:eta_min|start_factor|end_factor)', _number(least=0)),
        (r'(?:val|test)_cfg\.attacks', _section),
        (r'(?:val|test)_cfg\.attacks\.\w+', _present),
        (r'train_cfg\.dynamic_intervals', _kind(list, tuple, type(None), words='a list of (epoch, interval)')),
        (rf'{_DATA}\.(?:data_root|ann_file)', _kind(str, type(None), words='a path')),
        (rf'{_DATA}\.pipeline', _kind(list, tuple, words='a list of transforms')),
        (r'env_cfg\.mp_cfg\.mp_start_method', _start_method),
        (r'randomness\.seed', _integer(0, _MOST_SEED, nothing=True)),
        (r'randomness\.(?:deterministic|diff_rank_seed)|resume|finetune', _SWITCH),
        (r'default_hooks\.checkpoint\.(?:interval|max_keep_ckpts)', _interval),
        (rf'{_HOOKS}\.interval', _interval),
        (r'log_processor\.window_size', _integer(1)),
        (r'auto_scale_lr\.base_batch_size', _integer(1)),
        (r'work_dir|default_scope|experiment_name', _kind(str, type(None), words='a text')),
        (r'load_from', _kind(str, type(None), words='the path or URL of a checkpoint')),
        (r'log_level', _level),
    )
]
