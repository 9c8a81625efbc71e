"""Gradients through many windows or images in bounded memory."""

import ctypes
import os
from collections.abc import Callable
from fractions import Fraction
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmssl_robust.utils.errors import UserError

_UNITS = dict(KB=10**3, MB=10**6, GB=10**9)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_LARGE = 2 * 2**20  # bytes; smaller ones would cost more time than they are worth
_KEPT = 32 * 2**20  # the largest threshold that glibc comes to by itself
_saved: WeakKeyDictionary[nn.Module, dict[tuple, int]] = WeakKeyDictionary()


def parse_memory(memory: str | int) -> int:
    """Return bytes, given as a number or as a string such as ``'2GB'``.

    Raises:
        UserError: If it is no such number, or not positive.
    """
    text = str(memory).upper().replace(' ', '')
    number, unit = (text[:-2], _UNITS[text[-2:]]) if text[-2:] in _UNITS else (text, 1)
    try:
        value = int(Fraction(number) * unit)
    except (ValueError, ZeroDivisionError):
        value = 0
    if value <= 0:
        raise UserError(f"attack_memory={memory!r}: give a number of bytes above 0, such as '2GB' or '500MB'")
    return value


def memory_budget(memory: str | int | None, device: torch.device) -> int:
    """Return bytes for saved activations: those asked for, else a quarter of what the device has.

    Raises:
        UserError: See :func:`parse_memory`.
    """
    if memory is not None:
        return parse_memory(memory)
    if device.type == 'cuda':
        return torch.cuda.get_device_properties(device).total_memory // 4
    return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // 4


def encode_in_budget(
    encode: Callable[[Tensor], Tensor], inputs: Tensor, memory: int | None, owner: nn.Module
) -> Tensor:
    """Return ``encode(inputs)``, with a gradient that needs no more memory than is allowed, if it can.

    As many inputs as the budget has room for keep their activations. The backward pass begins with them, and then
    computes those of the others again, as many at a time. The gradient is the same, at one more forward pass for each
    of the latter.

    Args:
        encode: Function of inputs (N, ...), whose outputs for one do not depend on the others.
        inputs: (N, ...).
        memory: Bytes for saved activations; None keeps all.
        owner: The network inside ``encode``, under which its need of memory is remembered.
    """
    if memory is None or len(inputs) == 1:
        return encode(inputs)
    room = max(memory // max(_saved_bytes(encode, inputs[:1], owner), 1), 1)
    _return_freed_memory(inputs.device, room < len(inputs))
    if room >= len(inputs):
        return encode(inputs)
    # Autograd goes backward from the last to the first: what is kept has gone when others are computed again.
    *others, kept = inputs.split([*_parts(len(inputs) - room, room), room])
    # The random state is of no matter: a network under attack is in eval mode.
    again = [checkpoint(encode, part, use_reentrant=False, preserve_rng_state=False) for part in others]
    return torch.cat([*again, encode(kept)])


def _return_freed_memory(device: torch.device, wanted: bool) -> None:
    """Have glibc return every large tensor to the system when it is freed, or keep it, as it learns to do by itself.

    It keeps up to 32 MiB at a time, in pieces, with which the process would grow for every window. Memory of its heap
    that is free is taken before the system's, so this must come before there is much.
    """
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None) if os.name == 'posix' and device.type == 'cpu' else None
    if mallopt is not None:
        threshold = _LARGE if wanted else _KEPT
        mallopt(_M_MMAP_THRESHOLD, threshold)
        mallopt(_M_TRIM_THRESHOLD, 2 * threshold)


def _parts(count: int, size: int) -> list[int]:
    return [min(size, count - start) for start in range(0, count, size)]


def _saved_bytes(encode: Callable[[Tensor], Tensor], one: Tensor, owner: nn.Module) -> int:
    """Return how many bytes autograd keeps for the gradient of one input; measured once for each shape."""
    known = _saved.setdefault(owner, {})
    key = (one.shape, one.dtype, one.device, torch.is_autocast_enabled(one.device.type))
    if key not in known:
        _return_freed_memory(one.device, True)
        own = {parameter.untyped_storage().data_ptr() for parameter in owner.parameters()}
        sizes: dict[int, int] = {}
        alive = []  # what is freed may be followed by another tensor at its address

        def note(tensor: Tensor) -> None:  # to return it would tie graph and tensor together until they are collected
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                sizes[storage.data_ptr()] = storage.nbytes()
                alive.append(storage)

        with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(note, lambda nothing: nothing):
            encode(one.detach().clone().requires_grad_())  # a slice would count as the whole
        known[key] = sum(sizes.values())
    return known[key]
