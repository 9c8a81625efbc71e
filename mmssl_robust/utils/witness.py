"""Seeing which tensors of a network come from a file, whoever reads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

from torch import Tensor, nn


class Witness:
    """What has been loaded into which module."""

    def __init__(self) -> None:
        self._loaded: WeakKeyDictionary[nn.Module, set[str]] = WeakKeyDictionary()

    def see(self, module: nn.Module, state: dict[str, Any], prefix: str) -> None:
        """Note the tensors of a module, without its children's, that a state dict has in the right shape."""
        given = {name: state.get(prefix + name) for name in _own_tensors(module)}
        fitting = {name for name, value in given.items() if _fits(value, getattr(module, name))}
        self._loaded.setdefault(module, set()).update(fitting)

    def saw_any(self, network: nn.Module) -> bool:
        """Whether any tensor of a network was loaded."""
        return any(self._loaded.get(module) for module in network.modules())

    def missing(self, network: nn.Module) -> list[str]:
        """Names of a network's tensors that were not loaded; counters and tables of integers need not be."""
        return [
            f'{place}.{name}' if place else name
            for place, module in network.named_modules()
            for name, tensor in _own_tensors(module).items()
            if tensor.is_floating_point() and name not in self._loaded.get(module, ())
        ]


@contextmanager
def watching_loads() -> Iterator[Witness]:
    """Watch every load into any module for a while.

    PyTorch's ``load_state_dict``, strict or not, and MMEngine's end in this one method of each module, after what
    the module itself makes of the weights, such as other sizes of position embeddings.
    """
    witness, load = Witness(), nn.Module._load_from_state_dict

    def watched(module: nn.Module, state: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        load(module, state, prefix, *args, **kwargs)
        witness.see(module, state, prefix)

    with patch.object(nn.Module, '_load_from_state_dict', watched):
        yield witness


def _own_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and persistent buffers, without the children's."""
    tensors = {**module._parameters, **module._buffers}
    hidden = module._non_persistent_buffers_set
    return {name: tensor for name, tensor in tensors.items() if tensor is not None and name not in hidden}


def _fits(value: Any, own: Tensor) -> bool:
    return isinstance(value, Tensor) and value.shape == own.shape
