"""Counted floating-point operations, which no other process disturbs."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

Result = TypeVar('Result')


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


def _attention_backward(grad: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return 2 * sdpa_flop_count(query, key, value)


# PyTorch does not count the kernel of the CPU, and of the others that they compute the weights again: an attention
# counts the same here, whoever computes it.
_KERNELS = ('flash_attention_for_cpu', 'flash_attention', 'efficient_attention', 'cudnn_attention')
_COUNTS = {getattr(torch.ops.aten, f'_scaled_dot_product_{name}'): _attention for name in _KERNELS} | {
    getattr(torch.ops.aten, f'_scaled_dot_product_{name}_backward'): _attention_backward for name in _KERNELS
}


class _Untracked:
    """Stands for the counter's hooks on modules, which refuse a gradient for what is a module's own input."""

    parents = frozenset({'Global'})

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def flops(run: Callable[[], object]) -> int:
    """Return the operations of the matrix products, convolutions and attentions in a run."""
    return with_flops(run)[1]


def with_flops(run: Callable[[], Result]) -> tuple[Result, int]:
    """Return the result of a run and its :func:`flops`."""
    counter = FlopCounterMode(display=False, custom_mapping=_COUNTS)
    counter.mod_tracker = _Untracked()
    with counter:
        result = run()
    return result, counter.get_total_flops()
