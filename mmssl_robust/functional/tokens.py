"""What an encoder sees and gives: sliding windows and tokens."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from mmssl_robust.utils.errors import UserError


def window_starts(size: int, crop: int, stride: int) -> list[int]:
    """First rows or columns of mmseg's windows: the last one is moved back to end at the border."""
    count = max(size - crop + stride - 1, 0) // stride + 1
    return [max(min(index * stride, size - crop), 0) for index in range(count)]


def windows(inputs: Tensor, crop_size: Sequence[int], stride: Sequence[int]) -> Iterator[Tensor]:
    """Yield each window of mmseg's sliding-window inference once.

    Args:
        inputs: (B, C, H, W).
        crop_size: Height and width of a window.
        stride: Steps from a window to the next, down and right.
    """
    for top in window_starts(inputs.shape[2], crop_size[0], stride[0]):
        for left in window_starts(inputs.shape[3], crop_size[1], stride[1]):
            yield inputs[..., top : top + crop_size[0], left : left + crop_size[1]]


def select_tokens(features: Any, tokens: str) -> Tensor:
    """Tokens (B, N, D) out of a backbone's last output: (B, D), (B, D, h, w), (B, N, D) or a pair of them.

    Of a vector of (B, k * D), several CLS tokens side by side, beside patches of D there are k tokens.
    """
    last = features[-1] if isinstance(features, (tuple, list)) else features
    parts = last if isinstance(last, (tuple, list)) else (last,)
    named = {'cls' if part.ndim == 2 else 'patch': part for part in parts}
    wanted = ('cls', 'patch') if tokens == 'both' else (tokens,)
    missing = [name for name in wanted if name not in named]
    if missing:
        raise UserError(f'the encoder gives no {" and no ".join(missing)} tokens: change its out_type or the tokens')
    sequences = [_as_sequence(named[name]) for name in wanted]
    width = sequences[-1].shape[-1]
    return torch.cat([part.unflatten(2, (-1, width)).flatten(1, 2) for part in sequences], dim=1)


def all_tokens(features: Any) -> Tensor:
    """The tokens (B, N, D) that a backbone's last output has, of either kind or both."""
    last = features[-1] if isinstance(features, (tuple, list)) else features
    kinds = {part.ndim == 2 for part in (last if isinstance(last, (tuple, list)) else (last,))}
    return select_tokens(features, 'both' if len(kinds) > 1 else 'cls' if True in kinds else 'patch')


def absolute_indices(indices: Sequence[int], depth: int, what: str) -> tuple[int, ...]:
    """Count indices of layers from the front, negative ones from the end.

    Args:
        indices: At least one.
        depth: How many layers there are.
        what: Whose they are, for the message.

    Raises:
        UserError: If there is none, or one that does not exist.
    """
    absolute = tuple(index + depth if index < 0 else index for index in indices)
    if not absolute or not all(0 <= index < depth for index in absolute):
        raise UserError(f'out_indices={tuple(indices)} do not fit {what}: use {-depth} to {depth - 1}')
    return absolute


def _as_sequence(part: Tensor) -> Tensor:
    if part.ndim == 2:
        return part[:, None]
    return part.flatten(2).transpose(1, 2) if part.ndim == 4 else part
