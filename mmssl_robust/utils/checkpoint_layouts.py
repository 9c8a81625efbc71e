"""Where in a checkpoint the weights are, as training code writes them: averaged ones and raw ones."""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from torch import Tensor

from .errors import UserError

Which = Literal['ema', 'raw']

# Entries of a training's checkpoint, in the order in which they are looked for. A teacher is its student's average.
_AVERAGED = ('state_dict_ema', 'model_ema', 'ema_state_dict', 'ema_model', 'ema', 'teacher', 'target_encoder')
_RAW = ('student', 'state_dict', 'model', 'model_state_dict', 'network', 'encoder')
AVERAGED_PART = re.compile(r'(?:^|[._])(?:ema|swa|averaged?)(?=[._]|$)')
"""What the names of averages have in common, whatever else they are called."""
_COUNTERS = ('steps', 'n_averaged')  # how often MMEngine and PyTorch have averaged
# Parts of a name that DistributedDataParallel, torch.compile, FSDP and checkpointing of activations put in.
_WRAPPERS = re.compile(r'(?:^|(?<=\.))(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.')


class State(NamedTuple):
    """Weights out of a checkpoint.

    Attributes:
        tensors: Name -> tensor, without the names of wrappers.
        entry: Where they were, such as ``'state_dict_ema'``; empty for a bare state dict.
        which: ``'ema'`` or ``'raw'`` where the file holds both, ``'only'`` otherwise.
    """

    tensors: dict[str, Tensor]
    entry: str = ''
    which: str = 'only'


def unwrapped_name(name: str) -> str:
    """A tensor's name without the parts that wrappers put in, at its head or anywhere."""
    return _WRAPPERS.sub('', name)


def state_of(checkpoint: Any, which: Which | None = None) -> State:
    """Find the weights in what was read from a file.

    Args:
        checkpoint: Any dictionary; what is none has no weights.
        which: The average of the weights over the training or the raw ones; by default the average where there is
            one, as timm does.

    Raises:
        UserError: If the file does not hold what was asked for, or parts of weights alone.
    """
    if which not in (None, 'ema', 'raw'):
        raise UserError(f"unknown weights={which!r}: use 'ema' or 'raw'")
    averaged, raw = _entries(checkpoint if isinstance(checkpoint, Mapping) else {})
    chosen = {'ema': averaged, 'raw': raw, None: averaged or raw}[which]
    if chosen is None and which == 'ema' and raw and any(AVERAGED_PART.search(str(key)) for key in raw[1]):
        chosen = raw  # under the names of one state dict
    if chosen is None:
        raise no_such_weights(which)
    entry, found = chosen
    tensors = {unwrapped_name(str(key)): value for key, value in found.items() if isinstance(value, Tensor)}
    for counter in _COUNTERS:
        tensors.pop(counter, None)
    if any('flat_param' in name for name in tensors):
        raise UserError(
            'the checkpoint holds the shards of one process of FSDP: take the whole one that the same training writes, '
            'of DINOv2 eval/training_*/teacher_checkpoint.pth'
        )
    return State(tensors, entry, 'only' if not (averaged and raw) else 'ema' if chosen is averaged else 'raw')


def no_such_weights(which: Any) -> UserError:
    """What to raise where ``weights`` asks for what is not there."""
    return UserError(f'the checkpoint holds no {which} weights: leave out weights={which!r}')


def _entries(checkpoint: Mapping[Any, Any]) -> tuple[Any, Any]:
    """The entries with averaged and with raw weights, each a pair of name and state dict, or None."""
    others = tuple(str(key) for key in checkpoint if AVERAGED_PART.search(str(key)))
    averaged, raw = _first(checkpoint, (*_AVERAGED, *others)), _first(checkpoint, _RAW)
    if _is_mmengine(checkpoint) and averaged and averaged[0] == 'ema_state_dict':
        # MMEngine's hook saves the average under the model's own names, and what was trained in its place.
        averaged, raw = raw, averaged
    return averaged, raw or _lone(checkpoint, but=others) or (None if averaged else ('', checkpoint))


def _first(checkpoint: Mapping[Any, Any], names: tuple[str, ...]) -> tuple[str, Mapping[Any, Any]] | None:
    for name in names:
        inner = checkpoint.get(name)
        if isinstance(inner, Mapping):
            if deeper := _first(inner, ('state_dict', 'model', 'module', 'shadow')):
                return f'{name}.{deeper[0]}', deeper[1]
            if _has_tensors(inner):
                return name, inner
    return None


def _lone(checkpoint: Mapping[Any, Any], but: tuple[str, ...]) -> tuple[str, Mapping[Any, Any]] | None:
    """The entry that alone has weights, whatever its name, where the checkpoint itself has none."""
    names = [name for name, inner in checkpoint.items() if isinstance(inner, Mapping) and _has_tensors(inner)]
    names = [name for name in names if name not in (*_AVERAGED, *but)]
    return (names[0], checkpoint[names[0]]) if len(names) == 1 and not _has_tensors(checkpoint) else None


def _has_tensors(entry: Mapping[Any, Any]) -> bool:
    return any(isinstance(value, Tensor) for value in entry.values())


def _is_mmengine(checkpoint: Mapping[Any, Any]) -> bool:
    meta = checkpoint.get('meta')
    return isinstance(meta, Mapping) and 'mmengine_version' in meta
