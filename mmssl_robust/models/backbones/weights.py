"""The encoder inside of a checkpoint, for those who write it in another layout."""

from typing import Any

import torch
from torch import Tensor

from mmssl_robust.utils.checkpoint_layouts import Which, state_of
from mmssl_robust.utils.encoder_names import fit, to_timm
from mmssl_robust.utils.errors import UserError

# Of any ViT: they say where in the checkpoint the encoder is.
_ANCHORS = ('cls_token', 'pos_embed', 'patch_embed.proj.weight', 'blocks.0.attn.qkv.weight', 'norm.weight')


def extract_encoder(
    checkpoint: Any,
    registers: bool = False,
    grid: tuple[int, int] | None = None,
    weights: Which | None = None,
) -> dict[str, Tensor]:
    """Bring a checkpoint's encoder to timm's key names.

    Known layouts: flat ``dino_*_pretrain.pth`` and ``dinov2_*_pretrain.pth``;
    full training checkpoints of DINO, iBOT, DINOv2 and this project (the teacher is
    taken, as DINO's own evaluation does); MAE's; Lightning DeACL (never its momentum
    encoder); MMEngine; timm.

    Args:
        checkpoint: What was read from the file.
        registers: Whether to give register models a position of the CLS token, which timm adds to the token.
        grid: Height and width of the grid of patches for which the encoder has positions; by default a square is
            assumed where that decides whether there is a position of the CLS token.
        weights: The average over the training or the raw ones; by default the average where there is one.

    Returns:
        The encoder's state dict.

    Raises:
        UserError: If the checkpoint holds several encoders, or the grid must be known and is not.
    """
    state = to_timm(state_of(checkpoint, weights).tensors)
    found = fit({name: torch.empty(0) for name in _ANCHORS}, state, weights=weights)
    return _with_cls_position(found.tensors, grid) if registers else found.tensors


def _with_cls_position(state: dict[str, Tensor], grid: tuple[int, int] | None) -> dict[str, Tensor]:
    """Put a zero where timm has merged the CLS position of register models into the CLS token."""
    pos_embed = state.get('pos_embed')
    if pos_embed is None:
        return state
    tokens = pos_embed.shape[1]
    patches = [
        count for count in (tokens, tokens - 1) if (_is_square(count) if grid is None else count == grid[0] * grid[1])
    ]
    if not patches:
        shape = 'no square' if grid is None else f'not {grid[0]} x {grid[1]}'
        raise UserError(f'the {tokens} position embeddings are {shape} of patches: say which grid they are for')
    if patches[0] == tokens:
        zero = pos_embed.new_zeros(1, 1, pos_embed.shape[2])
        return state | {'pos_embed': torch.cat((zero, pos_embed), dim=1)}
    return state


def _is_square(count: int) -> bool:
    return round(count**0.5) ** 2 == count
