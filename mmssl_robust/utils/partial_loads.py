"""What a load passes over, of which MMEngine only warns: never attacked as if it were trained."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from operator import attrgetter
from typing import Any, NamedTuple

from mmengine.model import BaseModule
from mmengine.runner import checkpoint as mmengines
from torch import Tensor, nn

from .checkpoint_layouts import unwrapped_name
from .errors import UserError
from .mismatch import shortened
from .pretrained import source_of
from .unwrapped import unwrapped
from .witness import Witness, watching_loads

State = tuple[int, float]
_NOTE = 'passed_over'


class PassedOver(NamedTuple):
    """What loads have left, kept with the model.

    Attributes:
        states: Name of a tensor that no file has given -> its state at that time.
        unexpected: Names in the last file of what the model's encoder does not have.
    """

    states: dict[str, State]
    unexpected: list[str]


def register_noting_loader() -> None:
    """Let every load into a model of OpenMMLab, in whatever Runner or by hand, note with it what is passed over."""
    mmengines.load_state_dict = _noting(mmengines.load_state_dict)
    BaseModule.load_state_dict = _noting(BaseModule.load_state_dict)


def check_loaded_whole(model: nn.Module, source: str | None = None, in_training: bool = False) -> None:
    """Check a model that is about to be attacked; what was written since a load is believed.

    Args:
        model: The model, perhaps wrapped.
        source: The checkpoint, as far as it is known.
        in_training: Whether its head is being trained, and may well have started without a file.

    Raises:
        UserError: If a load has passed over a part of it that nobody has written since, or nothing was loaded of what
            its encoder says is pretrained; names the keys.
    """
    model = unwrapped(model)
    noted: PassedOver | None = getattr(model, _NOTE, None)
    if noted is None:
        _check_pretrained(model)
        return
    left = [name for name in _as_they_were(model, noted.states) if not in_training or name.startswith('backbone.')]
    problems = {'missing, or of another shape': left, 'unexpected': noted.unexpected}
    words = '; '.join(f'{problem}: {shortened(names)}' for problem, names in problems.items() if names)
    if words:
        raise UserError(
            f'{source or "the checkpoint"} does not fit {type(model).__name__}; {words}: give a checkpoint of the '
            'whole model, or load the rest before it, by model.init_weights()'
        )


def _check_pretrained(model: nn.Module) -> None:
    """Check that an encoder is not as its constructor has left it, where it says that it is pretrained."""
    parts = [model, *(module for name, module in model.named_children() if name == 'backbone')]
    if any(getattr(part, 'is_init', False) or _has_a_file(part) for part in parts):
        return
    for part in parts:
        if source_of(part):
            raise UserError(
                f'{type(part).__name__} was not loaded from {source_of(part)}: call model.init_weights() before the '
                'evaluation, or set load_from to a checkpoint of the whole model'
            )


def _has_a_file(module: nn.Module) -> bool:
    return bool(getattr(module, 'loaded_weights', None)) or hasattr(module, _NOTE)


def _noting(load: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(load)
    def noting(module: nn.Module, state_dict: Mapping[str, Tensor], *args: Any, **kwargs: Any) -> Any:
        with watching_loads() as witness:
            result = load(module, state_dict, *args, **kwargs)
        _note(unwrapped(module), state_dict, witness)
        return result

    return noting


def _note(model: nn.Module, given: Iterable[str], witness: Witness) -> None:
    before: PassedOver | None = getattr(model, _NOTE, None)
    names = set(witness.missing(model)) - set(_of_other_files(model, witness))
    if before is not None:  # what the one before has given is there
        names &= set(_as_they_were(model, before.states))
    own = {unwrapped_name(name) for name in model.state_dict()}
    unexpected = [name for name in given if name.startswith('backbone.') and unwrapped_name(name) not in own]
    states = {name: _state(attrgetter(name)(model)) for name in witness.missing(model) if name in names}
    setattr(model, _NOTE, PassedOver(states, unexpected))


def _of_other_files(model: nn.Module, witness: Witness) -> Iterator[str]:
    """Names of the tensors of modules that were loaded from files of their own, and left alone now."""
    for place, module in model.named_modules():
        if module is model or not _has_a_file(module) or witness.saw_any(module):
            continue
        noted: PassedOver | None = getattr(module, _NOTE, None)
        left = set(_as_they_were(module, noted.states)) if noted else set()
        yield from (f'{place}.{name}' for name in witness.missing(module) if name not in left)


def _as_they_were(model: nn.Module, states: Mapping[str, State]) -> Iterator[str]:
    return (name for name, state in states.items() if _state(attrgetter(name)(model)) == state)


def _state(tensor: Tensor) -> State:
    """What a write changes: PyTorch counts all but those by ``.data``."""
    return tensor._version, float(tensor.detach().double().nan_to_num().sum())
