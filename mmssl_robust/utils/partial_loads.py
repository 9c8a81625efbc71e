"""What MMEngine's loader of checkpoints passes over, of which it only warns: never attacked as if it were trained."""

from collections.abc import Callable, Iterator
from functools import wraps
from operator import attrgetter
from typing import Any

from mmengine.runner import checkpoint as mmengines
from torch import Tensor, nn

from .errors import UserError
from .mismatch import shortened
from .pretrained import source_of
from .unwrapped import unwrapped
from .witness import Witness, watching_loads

Load = Callable[..., None]
_NOTE = 'passed_over'  # of a model: name of a tensor -> its state when it was passed over


def register_noting_loader() -> None:
    """Let every load by MMEngine, in whatever Runner or ``init_model``, note with the model what it passes over."""
    mmengines.load_state_dict = _noting(mmengines.load_state_dict)


def check_loaded_whole(model: nn.Module, source: str | None = None, in_training: bool = False) -> None:
    """Check a model that is about to be attacked; one whose weights were set by hand is believed.

    Args:
        model: The model, perhaps wrapped.
        source: The checkpoint, as far as it is known.
        in_training: Whether its head is being trained, and may well have started without a file.

    Raises:
        UserError: If MMEngine has passed over a part of it that nobody has written since, or nothing was loaded of
            what its encoder says is pretrained; names the keys.
    """
    model = unwrapped(model)
    noted = getattr(model, _NOTE, None)
    if noted is None:
        _check_pretrained(model)
    left = [name for name in _as_they_were(model, noted or {}) if not in_training or name.startswith('backbone.')]
    if left:
        raise UserError(
            f'{source or "the checkpoint"} does not fit {type(model).__name__}; missing, or of another shape: '
            f'{shortened(left)}: give a checkpoint of the whole model, or load the rest before it, by '
            'model.init_weights()'
        )


def _check_pretrained(model: nn.Module) -> None:
    """Check that an encoder is not as its constructor has left it, where it says that it is pretrained."""
    parts = [model, *(module for name, module in model.named_children() if name == 'backbone')]
    if any(getattr(part, 'is_init', False) or getattr(part, 'loaded_weights', None) for part in parts):
        return
    for part in parts:
        if source_of(part):
            raise UserError(
                f'{type(part).__name__} was not loaded from {source_of(part)}: call model.init_weights() before the '
                'evaluation, or set load_from to a checkpoint of the whole model'
            )


def _noting(load: Load) -> Load:
    @wraps(load)
    def noting(module: nn.Module, *args: Any, **kwargs: Any) -> None:
        with watching_loads() as witness:
            load(module, *args, **kwargs)
        _note(unwrapped(module), witness)

    return noting


def _note(model: nn.Module, witness: Witness) -> None:
    before = getattr(model, _NOTE, None)
    names = set(witness.missing(model)) - set(_of_other_files(model, witness))
    if before is not None:  # what the one before has given is there
        names &= set(_as_they_were(model, before))
    setattr(model, _NOTE, {name: _state(attrgetter(name)(model)) for name in witness.missing(model) if name in names})


def _of_other_files(model: nn.Module, witness: Witness) -> Iterator[str]:
    """Names of the tensors of modules that were loaded from files of their own, and left alone now."""
    for place, module in model.named_modules():
        if getattr(module, 'loaded_weights', None) and not witness.saw_any(module):
            yield from (f'{place}.{name}' if place else name for name in witness.missing(module))


def _as_they_were(model: nn.Module, states: dict[str, Any]) -> Iterator[str]:
    return (name for name, state in states.items() if _state(attrgetter(name)(model)) == state)


def _state(tensor: Tensor) -> tuple[int, float]:
    """What a write changes: PyTorch counts all but those by ``.data``."""
    return tensor._version, float(tensor.detach().double().nan_to_num().sum())
