"""Gradients through many windows or images in bounded memory."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from mmssl_robust.utils.allocator import main_memory, return_freed_memory
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import parse_number
from mmssl_robust.utils.precision import on_fast_route

_MOST = 2**60  # more than any machine has
_UNITS = dict(KB=10**3, MB=10**6, GB=10**9)
_needs: WeakKeyDictionary[nn.Module, dict[tuple, '_Need']] = WeakKeyDictionary()


def parse_memory(memory: str | int) -> int:
    """Return bytes, given as a number or as a string such as ``'2GB'``.

    Raises:
        UserError: If it is no such number, or not positive.
    """
    text = str(memory).upper().replace(' ', '')
    number, unit = (text[:-2], _UNITS[text[-2:]]) if text[-2:] in _UNITS else (text, 1)
    try:
        value = int(parse_number(number, 'attack_memory') * unit)
    except (UserError, OverflowError):
        value = 0
    if not 0 < value <= _MOST:
        raise UserError(f"attack_memory={memory!r}: give a number of bytes above 0, such as '2GB' or '500MB'")
    return value


def memory_budget(memory: str | int | None, device: torch.device) -> int:
    """Return bytes for saved activations: those asked for, else a quarter of what the device has.

    The processes of one machine share its main memory, and what a container allows of it.

    Raises:
        UserError: See :func:`parse_memory`.
    """
    if memory is not None:
        return parse_memory(memory)
    if device.type == 'cuda':
        return torch.cuda.get_device_properties(device).total_memory // 4
    return main_memory() // 4 // int(os.environ.get('LOCAL_WORLD_SIZE', 1))


def encode_in_budget(
    encode: Callable[[Tensor], Tensor], inputs: Tensor, memory: int | None, owner: nn.Module
) -> Tensor:
    """Return ``encode(inputs)``, with a gradient for the inputs that needs no more memory than is allowed, if it can.

    As many inputs as the budget has room for keep their activations. The backward pass begins with them, and then
    computes those of the others again, as many at a time. The gradient is the same, at one more forward pass for each
    of the latter.

    Args:
        encode: Function of inputs (N, ...), whose outputs for one do not depend on the others; nothing else that it
            uses gets a gradient.
        inputs: (N, ...).
        memory: Bytes for saved activations; None keeps all.
        owner: The network inside ``encode``, under which its need of memory is remembered.
    """
    if memory is None or len(inputs) == 1:
        return encode(inputs)
    need = _need_of(encode, inputs[:1], owner)
    if _autocast_dtype(inputs.device) == torch.float16:
        memory //= 2  # a graph is retained there, in case that a gradient overflows
    memory = max(memory, need.saved)
    room = memory // need.saved
    return_freed_memory(inputs.device, room < len(inputs))
    if room >= len(inputs):
        return encode(inputs)
    # Autograd goes backward from the last to the first: what is kept has gone when others are computed again.
    others, kept = inputs.split([len(inputs) - room, room])
    if need.random:  # the same numbers must be drawn again, so by the same parts
        again = [checkpoint(encode, part, use_reentrant=False) for part in others.split(room)]
        return torch.cat([*again, encode(kept)])
    return torch.cat([_Recomputed.apply(others, encode, max(memory // need.passing, 1), room), encode(kept)])


def _autocast_dtype(device: torch.device) -> torch.dtype | None:
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else None


class _Recomputed(torch.autograd.Function):
    """``encode(inputs)`` by parts, whose activations are computed again for the gradient.

    torch.utils.checkpoint has to take parts of one size in both directions. Without a graph more fit at once, which
    is faster.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, encode: Callable[[Tensor], Tensor], ahead: int, back: int) -> Tensor:
        device = inputs.device.type
        ctx.save_for_backward(inputs)
        ctx.encode, ctx.back = encode, back
        ctx.autocast = dict(
            device_type=device, dtype=torch.get_autocast_dtype(device), enabled=torch.is_autocast_enabled(device)
        )
        return torch.cat([encode(part) for part in inputs.split(ahead)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        grads: list[Tensor] = []
        for part, part_grad in zip(ctx.saved_tensors[0].split(ctx.back), grad.split(ctx.back)):
            with torch.enable_grad(), torch.autocast(**ctx.autocast):
                pixels = part.detach().requires_grad_()
                outputs = ctx.encode(pixels)
            found = _gradient(outputs, pixels, part_grad)
            if found is None:
                return None, None, None, None
            grads.append(found)
        return torch.cat(grads), None, None, None


def _gradient(outputs: Tensor, pixels: Tensor, grad: Tensor) -> Tensor | None:
    """Return the gradient for the pixels, None if the outputs do not depend on them."""
    return torch.autograd.grad(outputs, pixels, grad, allow_unused=True)[0] if outputs.requires_grad else None


class _Need(NamedTuple):
    """What an input needs.

    Attributes:
        saved: Bytes for its gradient.
        passing: Bytes on its way through the network without a gradient.
        random: Whether the network draws random numbers.
    """

    saved: int
    passing: int
    random: bool


def _need_of(encode: Callable[[Tensor], Tensor], one: Tensor, owner: nn.Module) -> _Need:
    """Return what one input needs; measured once for each shape and precision."""
    known = _needs.setdefault(owner, {})
    key = (one.shape, one.dtype, one.device, _autocast_dtype(one.device), on_fast_route())
    if key not in known:
        return_freed_memory(one.device, True)
        own = {parameter.untyped_storage().data_ptr() for parameter in owner.parameters()}
        sizes: dict[int, int] = {}
        alive = []  # what is freed may be followed by another tensor at its address

        def note(tensor: Tensor) -> None:  # to return it would tie graph and tensor together until they are collected
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                sizes[storage.data_ptr()] = storage.nbytes()
                alive.append(storage)

        with _restored_randomness(one.device) as drawn, torch.enable_grad():
            with torch.autograd.graph.saved_tensors_hooks(note, lambda nothing: nothing):
                encode(one.detach().clone().requires_grad_())  # a slice would count as the whole
            random = drawn()
        # Of the largest there are two at an activation function, and less than a third beside them.
        known[key] = _Need(max(sum(sizes.values()), 1), 3 * max(sizes.values(), default=1), random)
    return known[key]


@contextmanager
def _restored_randomness(device: torch.device) -> Iterator[Callable[[], bool]]:
    """Give a function that says whether random numbers were drawn; afterwards it is as if none were."""

    def states() -> list[Tensor]:
        return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == 'cuda' else [])]

    with torch.random.fork_rng(devices=[device] if device.type == 'cuda' else []):
        before = states()
        yield lambda: any(not torch.equal(old, new) for old, new in zip(before, states()))
