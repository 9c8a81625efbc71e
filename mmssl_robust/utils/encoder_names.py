"""Finding an encoder among the weights of a checkpoint, and bringing them to the encoder's own names."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .checkpoint_layouts import AVERAGED_PART, Which, unwrapped_name
from .errors import UserError

Tensors = dict[str, Tensor]

# What other networks of a checkpoint are called, by the first part of a name.
_NOT_ENCODER = re.compile(
    r'(?:fc|head|heads|head_dist|classifier|last_linear|projector|projection_head|predictor|neck|decode_head|'
    r'auxiliary_head|dino_head|ibot_head|mask_token|masked_embed|decoder\w*|data_preprocessor)(?:\.|$)'
)
_FACEBOOK_TO_TIMM = (
    (re.compile(r'(?<!\w)blocks\.\d+\.(\d+)\.'), r'blocks.\1.'),  # in chunks, which keep a block's number
    (re.compile(r'register_tokens'), 'reg_token'),
    (re.compile(r'mlp\.w12\.'), 'mlp.fc1.'),
    (re.compile(r'mlp\.w3\.'), 'mlp.fc2.'),
)
_TIMM_TO_MMPRETRAIN = (
    (re.compile(r'(?<!\w)patch_embed\.proj\.'), 'patch_embed.projection.'),
    (re.compile(r'(?<!\w)blocks\.(\d+)\.norm([12])\.'), r'layers.\1.ln\2.'),
    (re.compile(r'(?<!\w)blocks\.(\d+)\.mlp\.fc1\.'), r'layers.\1.ffn.layers.0.0.'),
    (re.compile(r'(?<!\w)blocks\.(\d+)\.mlp\.fc2\.'), r'layers.\1.ffn.layers.1.'),
    (re.compile(r'(?<!\w)blocks\.(\d+)\.ls1\.gamma'), r'layers.\1.attn.gamma1.weight'),
    (re.compile(r'(?<!\w)blocks\.(\d+)\.ls2\.gamma'), r'layers.\1.ffn.gamma2.weight'),
    (re.compile(r'(?<!\w)blocks\.(\d+)\.'), r'layers.\1.'),
    (re.compile(r'^((?:.*\.)?)norm\.(weight|bias)$'), r'\1ln1.\2'),
)


class Fit(NamedTuple):
    """The part of a checkpoint that is the encoder.

    Attributes:
        tensors: Name -> tensor, by the names of the encoder as far as they are known.
        prefix: What stood before the names.
        left_out: The parts of the checkpoint that are not taken, by the beginnings of their names.
        rivals: Other prefixes below which as much was found.
        which: ``'ema'`` or ``'raw'`` where the names tell of both, ``'only'`` otherwise.
    """

    tensors: Tensors
    prefix: str
    left_out: list[str]
    rivals: list[str]
    which: str


def to_timm(state: Tensors) -> Tensors:
    """DINOv2's names for register tokens, the packed SwiGLU and blocks in chunks, in timm's."""
    return _renamed(state, _FACEBOOK_TO_TIMM)


def to_mmpretrain(state: Tensors) -> Tensors:
    """The names of DINO, DINOv2, MAE and timm in those of MMPretrain's ``VisionTransformer``."""
    return _renamed(to_timm(state), _TIMM_TO_MMPRETRAIN)


DIALECTS: tuple[Callable[[Tensors], Tensors], ...] = (dict, to_timm, to_mmpretrain)


def fit(
    own: Mapping[str, Tensor],
    state: Tensors,
    prefix: str | None = None,
    leave_out: Sequence[str] = (),
    weights: Which | None = None,
) -> Fit:
    """Find what fits an encoder best.

    Args:
        own: The encoder's state dict; a beginning that all its names share, such as ``'vit.'``, may lack in the state.
        state: All weights of a checkpoint, see :func:`~mmssl_robust.utils.checkpoint_layouts.state_of`.
        prefix: Beginning of the names of the encoder's weights; None to look for it.
        leave_out: Beginnings of names, below the prefix, that the encoder is to go without.
        weights: Which to take where the names tell of raw weights and their average; by default the average.

    Raises:
        UserError: If the checkpoint holds several encoders that fit as well.
    """
    wanted = plain_names(own)
    fits = [_fit_of(wanted, own, dialect(state), prefix, leave_out, weights) for dialect in DIALECTS]
    best = max(fits, key=lambda found: (len(found.tensors.keys() & own.keys()), -len(found.tensors)))
    if best.rivals:
        choice = ', '.join([best.prefix, *best.rivals])
        raise UserError(f'the checkpoint holds several such encoders: set init_cfg.prefix to one of {choice}')
    return best


def plain_names(own: Mapping[str, Tensor]) -> dict[str, str]:
    """An encoder's names without the beginning that they share -> as they are."""
    shared = _shared_beginning([unwrapped_name(name) for name in own])
    return {unwrapped_name(name)[len(shared) :]: name for name in own}


def _fit_of(
    wanted: dict[str, str],
    own: Mapping[str, Tensor],
    state: Tensors,
    prefix: str | None,
    leave_out: Sequence[str],
    weights: Which | None,
) -> Fit:
    given = None if prefix is None else unwrapped_name(prefix)
    keys = [key for key in state if key.startswith(given or '')]
    (found, *rivals), which = _prefixes_of(wanted, keys, given, weights)
    part = {key[len(found) :]: value for key, value in state.items() if key.startswith(found)}
    left_out = {_first_part(key) for key in state if not key.startswith(found)}
    heads = {_first_part(name) for name in wanted}
    for key in [key for key in part if key not in wanted]:
        other = _NOT_ENCODER.match(key) and _first_part(key) not in heads
        if other or key.startswith(tuple(leave_out)):
            left_out.add(_first_part(key))
            del part[key]
    part = _with_own_positions(part, {name: own[real] for name, real in wanted.items()})
    return Fit({wanted.get(key, key): value for key, value in part.items()}, found, sorted(left_out), rivals, which)


def _prefixes_of(
    wanted: Mapping[str, str], keys: Sequence[str], given: str | None, weights: Which | None
) -> tuple[list[str], str]:
    """Where most of the wanted names are found, more than one place only where none is to be preferred."""
    counts = Counter(
        key[:start] for key in keys for start in _starts(key) if key[start:] in wanted and start >= len(given or '')
    )
    most = max(counts.values(), default=0)
    best = sorted(prefix for prefix, count in counts.items() if count == most)
    if given in best or 2 * most < len(wanted):
        return [given or ''], 'only'
    return _preferred(best, weights)


def _preferred(prefixes: list[str], weights: Which | None) -> tuple[list[str], str]:
    """Those that an evaluation takes, the average or the raw ones, and which it is; no other copy."""
    averaged = [prefix for prefix in prefixes if AVERAGED_PART.search(prefix) or _has_student(prefix, prefixes)]
    copies = re.compile(r'momentum|target|teacher|encoder_k')
    raw = [prefix for prefix in prefixes if prefix not in averaged and not copies.search(prefix)]
    if averaged and raw:
        return (raw, 'raw') if weights == 'raw' else (averaged, 'ema')
    return raw or averaged or prefixes, 'only'


def _has_student(prefix: str, prefixes: Sequence[str]) -> bool:
    """Whether it is a teacher beside its student, whose average it is."""
    return 'teacher' in prefix and prefix.replace('teacher', 'student') in prefixes


def with_cls_position(encoder: Tensors) -> Tensors:
    """Put a zero for the CLS token's position, which timm's register models have added to the token."""
    positions = encoder['pos_embed']
    zero = positions.new_zeros(1, 1, positions.shape[2])
    return encoder | {'pos_embed': torch.cat((zero, positions), dim=1)}


def _with_own_positions(part: Tensors, own: Mapping[str, Tensor]) -> Tensors:
    """Add or split off the CLS token's position, as the encoder has it."""
    if not {'reg_token', 'pos_embed', 'cls_token'} <= own.keys() & part.keys():
        return part
    positions, token = part['pos_embed'], part['cls_token']
    more = own['pos_embed'].shape[1] - positions.shape[1]
    if more == 1:
        return with_cls_position(part)
    if more == -1:
        return part | {'cls_token': token + positions[:, :1], 'pos_embed': positions[:, 1:]}
    return part


def _renamed(state: Tensors, rules: Sequence[tuple[re.Pattern[str], str]]) -> Tensors:
    renamed = {}
    for key, value in state.items():
        for pattern, name in rules:
            key = pattern.sub(name, key)
        renamed[key] = value
    return renamed


def _starts(key: str) -> list[int]:
    """Where the parts of a name start."""
    return [0, *(found.end() for found in re.finditer(r'\.', key))]


def _first_part(key: str) -> str:
    return key.partition('.')[0]


def _shared_beginning(names: list[str]) -> str:
    """The parts, with their points, that all names begin with; never the whole of a name."""
    shared = ''
    while names:
        head, point, _ = names[0][len(shared) :].partition('.')
        if not point or not all(name.startswith(shared + head + point) for name in names):
            return shared
        shared += head + point
    return shared
