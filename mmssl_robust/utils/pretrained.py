"""Encoders that start with all of their weights from a file, or not at all."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from inspect import getmodule
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmengine.model import BaseModule, PretrainedInit, update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor, nn

from .checkpoint import local_path, read_state
from .checkpoint_layouts import State, Which, no_such_weights
from .encoder_names import Fit, fit, plain_names
from .errors import UserError
from .files import sha256
from .mismatch import mismatch, shortened
from .witness import Witness, watching_loads


@dataclass(frozen=True)
class Loaded:
    """What was loaded into a network.

    Attributes:
        source: Path or URL, as it was given.
        sha256: Of the file; empty where there is none that is known.
        layout: Where in the file the weights are: the entry, and what stands before their names.
        weights: ``'ema'`` or ``'raw'`` where the file holds both, otherwise ``'only'``.
        tensors: How many.
        left_out: Other parts of the file, which the network does not have.
    """

    source: str
    sha256: str
    layout: str
    weights: str
    tensors: int
    left_out: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def words(self) -> str:
        """A line for the log."""
        which = {'ema': ', the average over the training', 'raw': ', the raw ones, not the average'}
        left_out = f'; left out: {shortened(self.left_out)}' if self.left_out else ''
        return (
            f'{self.tensors} tensors from {self.source} (sha256 {self.sha256[:12] or "unknown"}, {self.layout})'
            f'{which.get(self.weights, "")}{left_out}'
        )


class StrictPretrainedInit:
    """MMEngine's ``init_cfg=dict(type='Pretrained')``, which never leaves a part of a network at random.

    MMEngine's own warns of weights that are missing or of another shape, and goes on.

    Args:
        checkpoint: Path or URL, in any layout that is known: see :func:`load_encoder`.
        prefix: Beginning of the names of the weights; None to look for it.
        map_location: Taken for the sake of old configs; weights go where the network is.
        weights: ``'ema'`` or ``'raw'``; by default the average over the training where the file has one.
        leave_out: Beginnings of names that the network is to go without, though the file has them.
    """

    wholemodule = False  # MMEngine sets it

    def __init__(
        self,
        checkpoint: str,
        prefix: str | None = None,
        map_location: Any = None,  # noqa: ARG002
        weights: Which | None = None,
        leave_out: Sequence[str] = (),
    ) -> None:
        self.checkpoint, self.prefix, self.weights = checkpoint, prefix, weights
        self.leave_out = leave_out

    def __call__(self, module: nn.Module) -> None:
        """Load a network.

        Raises:
            UserError: See :func:`load_encoder`.
        """
        loaded = load_encoder(module, self.checkpoint, self.prefix, self.weights, self.leave_out)
        if hasattr(module, '_params_init_info'):  # what MMEngine writes into its log
            update_init_info(module, init_info=f'Pretrained: {loaded.words()}')


def register_strict_pretrained() -> None:
    """Put :class:`StrictPretrainedInit` in the place of MMEngine's."""
    WEIGHT_INITIALIZERS.register_module(name='Pretrained', module=StrictPretrainedInit, force=True)


def load_encoder(
    network: nn.Module,
    source: str | Path,
    prefix: str | None = None,
    weights: Which | None = None,
    leave_out: Sequence[str] = (),
) -> Loaded:
    """Load a network strictly from any layout of DINO, DINOv2, MAE, DeACL, MMEngine, timm or torchvision.

    Args:
        network: An encoder of any class.
        source: Path or URL.
        prefix: See :class:`StrictPretrainedInit`, as are the others.
        weights: Which of two sets.
        leave_out: What the network is to go without.

    Returns:
        What was loaded; the network keeps it too, as ``loaded_weights``.

    Raises:
        UserError: If a key is missing, unexpected or of another shape; names the keys.
    """
    own = network.state_dict()
    state = read_state(source, weights)
    found = _found(network, own, state, prefix, leave_out, weights)
    which = state.which if found.which == 'only' else found.which
    if weights == 'ema' and which == 'only':
        raise UserError(f'{source}: {no_such_weights(weights)}')
    problems = _load(network, own, found.tensors)
    if problems:
        where = '' if prefix is None else f' (prefix {prefix!r})'
        raise UserError(f'{source} does not fit this encoder{where}; {problems}')
    layout = ' '.join(filter(None, (state.entry, found.prefix and f'{found.prefix}*'))) or 'state dict'
    loaded = Loaded(
        str(source), _hash_of(str(source)), layout, which, len(found.tensors.keys() & own.keys()), found.left_out
    )
    return note(network, loaded)


def note(network: nn.Module, loaded: Loaded) -> Loaded:
    """Keep with a network what was loaded into it, and log it."""
    network.loaded_weights = loaded  # type: ignore[assignment]
    print_log(f'{type(network).__name__}: {loaded.words()}', 'current')
    return loaded


def initialise(network: BaseModule) -> None:
    """Call ``init_weights`` of an encoder, of any class; what it says is pretrained is so in every tensor.

    Raises:
        UserError: If a tensor did not come from the file, or the class has loaded another one before.
    """
    with watching_loads() as witness:
        network.init_weights()
    check_loaded(network, witness)


def check_loaded(network: nn.Module, witness: Witness) -> None:
    """Check the parts of a network that say they are pretrained after their ``init_weights``.

    Raises:
        UserError: See :func:`initialise`.
    """
    for module in network.modules():
        source = source_of(module)
        if source is not None and getattr(module, 'loaded_weights', None) is None:
            _check_whole(module, witness, source)


def check_built(encoder: nn.Module, witness: Witness) -> None:
    """Check an encoder that its constructor may have loaded, as timm's does.

    Raises:
        UserError: If it has loaded a part, or something while ``init_cfg`` names something else.
    """
    if not witness.saw_any(encoder) or getattr(encoder, 'loaded_weights', None):
        return
    if source_of(encoder):
        raise UserError(
            f'{type(encoder).__name__} names two sources of its weights, init_cfg and one of its own: set '
            'pretrained=False'
        )
    _check_whole(encoder, witness, _timms_source(encoder))


def _check_whole(module: nn.Module, witness: Witness, source: str) -> None:
    missing = witness.missing(module)
    if missing:
        raise UserError(
            f'{source} does not fit {type(module).__name__}; missing, or of another shape: {shortened(missing)}'
        )
    layout = f'read by {type(module).__name__}'
    note(module, Loaded(source, _hash_of(source), layout, 'only', len(module.state_dict())))


def source_of(module: nn.Module) -> str | None:
    """The checkpoint that a module's ``init_cfg`` names, None if it names none."""
    found = getattr(module, 'init_cfg', None)
    for entry in found if isinstance(found, (list, tuple)) else [found]:
        if not isinstance(entry, Mapping):
            continue
        kind = entry.get('type')
        if kind in (PretrainedInit, StrictPretrainedInit) or str(kind).rpartition('.')[2].startswith('Pretrained'):
            return str(entry.get('checkpoint'))
    return None


def is_pretrained(module: nn.Module) -> bool:
    """Whether a module says where its weights are, or has loaded them when it was made."""
    return source_of(module) is not None or getattr(module, 'loaded_weights', None) is not None


def _found(
    network: nn.Module,
    own: Mapping[str, Tensor],
    state: State,
    prefix: str | None,
    leave_out: Sequence[str],
    weights: Which | None,
) -> Fit:
    """The encoder's part of a checkpoint; where timm has a conversion for the network, that if it does not fit."""
    found = fit(own, state.tensors, prefix, leave_out, weights)
    inner = _timm_model(network)
    convert = getattr(getmodule(type(inner)), 'checkpoint_filter_fn', None)
    if inner is None or convert is None or not _differ(own, found.tensors):
        return found
    begin = found.prefix
    part = {key[len(begin) :]: value for key, value in state.tensors.items() if key.startswith(begin)}
    try:
        converted = fit(own, convert(part, inner), '', leave_out)
    except Exception:  # timm's conversions expect their own layouts, and fail in many ways on others
        return found
    return found if _names_differ(own, converted.tensors) else converted._replace(prefix=begin)


def _timm_model(network: nn.Module) -> nn.Module | None:
    inner = getattr(network, 'timm_model', network)
    return inner if type(inner).__module__.startswith('timm.') else None


def _names_differ(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> bool:
    return bool(given.keys() - own.keys() or {name for name in own if own[name].is_floating_point()} - given.keys())


def _differ(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> bool:
    shapes = any(name in own and tensor.shape != own[name].shape for name, tensor in given.items())
    return shapes or _names_differ(own, given)


def _load(network: nn.Module, own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """Load, and say in a line what does not fit; the network's own hooks may bring a tensor to another size."""
    with watching_loads() as witness, suppress(RuntimeError):  # of another shape, which the witness has not seen
        network.load_state_dict(dict(given), strict=False)
    plain = {real: name for name, real in plain_names(own).items()}
    missing = witness.missing(network)
    unexpected = {key: value for key, value in given.items() if key not in own}
    return mismatch(
        {plain[name]: own[name] for name in missing},
        {plain[name]: given[name] for name in missing if name in given} | unexpected,
    )


def _hash_of(source: str) -> str:
    path = local_path(source) if not source.startswith('timm') else Path(source)
    return sha256(path) if path.is_file() else ''


def _timms_source(encoder: nn.Module) -> str:
    """Where timm has its weights from, as far as it says."""
    settings = getattr(getattr(encoder, 'timm_model', encoder), 'pretrained_cfg', None) or {}
    for name in ('file', 'hf_hub_id', 'url'):
        if settings.get(name):
            return str(settings[name]) if name == 'file' else f'timm {settings[name]}'
    return 'timm or the constructor'
