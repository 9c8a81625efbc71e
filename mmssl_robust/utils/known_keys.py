"""Which keys a config knows: those it says, and those that its types and MMEngine's sections may be given."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.runner import Runner
from torch.utils.data import DataLoader

from .names import close_to
from .registered import class_of
from .signatures import arguments_of

# Of a config's first level what is no argument of MMEngine's Runner.
_SECTIONS: tuple[str, ...] = (
    *('activation_checkpointing', 'auto_scale_lr', 'bank_dataloader', 'compile', 'custom_imports', 'data_preprocessor'),
    *('efficient_conv_bn_eval', 'find_unused_parameters', 'finetune', 'model_wrapper_cfg', 'runner_type', 'sync_bn'),
    *('tta_model', 'tta_pipeline', 'vis_backends'),
)
# What MMEngine takes out of a section before it builds what the section names.
_TAKEN: dict[str, tuple[str, ...]] = {
    r'\w+_dataloader': ('dataset', 'num_batch_per_epoch', 'disable_subprocess_warning'),
    r'default_hooks\.\w+|custom_hooks\.\d+': ('priority',),
    r'optim_wrapper': ('constructor', 'paramwise_cfg'),
    r'param_scheduler(?:\.\d+)?': ('convert_to_iter_based',),
}
_ENVIRONMENT = ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit')
_COMMANDS = ('_delete_', '_scope_', '_base_', 'type')


def unknown_keys(options: Mapping[str, Any], before: Mapping[str, Any], cfg: Mapping[str, Any]) -> Iterator[str]:
    """Say of each option whose key nobody will read what it was perhaps meant to be.

    What takes arguments of any name, and a section without a type, may read it: of them only what looks like a
    mistyped key is said.

    Args:
        options: Dotted key -> value.
        before: The config without them.
        cfg: The config with them.
    """
    for option in options:
        words = option.split('.')
        new = next((place for place in range(len(words)) if _at(before, words[: place + 1]) is _NOTHING), None)
        if new is None or words[new] in _COMMANDS:
            continue
        above, name = words[:new], words[new]
        parent, scope = _at(cfg, above), cfg.get('default_scope') or 'mmengine'
        if not isinstance(parent, Mapping):
            continue
        names, complete = _known('.'.join(above), parent, scope)
        known = list(dict.fromkeys([*_at(before, above), *names]))
        if name in known:
            continue
        close = [*_ending(before, '.'.join(words)), *('.'.join([*above, key]) for key in close_to(name, known))][:3]
        if complete or close:
            hint = f': did you mean {" or ".join(close)}?' if close else ''
            yield f'{option}: nothing reads {".".join([*above, name])}{hint}'


_NOTHING = object()


def _at(value: Any, words: list[str]) -> Any:
    """What stands at a place of a config."""
    for word in words:
        if isinstance(value, Mapping) and word in value:
            value = value[word]
        elif isinstance(value, (list, tuple)) and word.isdecimal() and int(word) < len(value):
            value = value[int(word)]
        else:
            return _NOTHING
    return value


def _known(key: str, section: Mapping[str, Any], scope: str) -> tuple[list[str], bool]:
    """The names that a section may have besides those that it has, and whether these are all."""
    names = next((taken for sections, taken in _TAKEN.items() if re.fullmatch(sections, key)), ())
    kind: Any = None
    if not key:
        names, kind = _SECTIONS, Runner
    elif re.fullmatch(r'\w+_dataloader', key):
        kind = DataLoader
    elif key == 'env_cfg':
        return list(_ENVIRONMENT), True
    elif key == 'randomness':
        kind = Runner.set_randomness
    elif section.get('type') is not None:
        kind = class_of(section['type'], scope)
    arguments, complete = ([], False) if kind is None else arguments_of(kind)
    return [*names, *arguments], complete


def _ending(cfg: Any, words: str, key: str = '') -> Iterator[str]:
    """Keys of a config that end as what was typed, such as of one without its first part."""
    if isinstance(cfg, Mapping):
        for name, entry in cfg.items():
            own = f'{key}.{name}' if key else str(name)
            if own.endswith(f'.{words}'):
                yield own
            yield from _ending(entry, words, own)
