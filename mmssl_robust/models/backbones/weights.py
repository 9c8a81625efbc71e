"""The encoder inside of a checkpoint, for those who write it in another layout."""

from typing import Any

import torch
from torch import Tensor

from mmssl_robust.utils.checkpoint_layouts import Which, state_of
from mmssl_robust.utils.encoder_names import fit, to_timm, with_cls_position
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

    Examples:
        >>> from mmssl_robust.models.backbones import extract_encoder
        >>> from mmssl_robust.utils.checkpoint import read_checkpoint
        >>> mini = read_checkpoint('mmssl_robust://mini/encoder.safetensors')
        >>> of_training = dict(teacher={f'module.backbone.{name}': value for name, value in mini.items()}, epoch=100)
        >>> extract_encoder(of_training).keys() == mini.keys()
        True
    """
    state = state_of(checkpoint, weights).tensors
    encoder = fit({name: torch.empty(0) for name in _ANCHORS}, to_timm(state), weights=weights).tensors
    # Under facebookresearch's names CLS has a position.
    timms = registers and not any(name.endswith('register_tokens') for name in state)
    if timms and 'pos_embed' in encoder and _lacks_cls_position(encoder['pos_embed'].shape[1], grid):
        return with_cls_position(encoder)
    return encoder


def _lacks_cls_position(tokens: int, grid: tuple[int, int] | None) -> bool:
    """Whether there are as many position embeddings as patches."""
    patches = [
        count for count in (tokens, tokens - 1) if (_is_square(count) if grid is None else count == grid[0] * grid[1])
    ]
    if not patches:
        shape = 'no square' if grid is None else f'not {grid[0]} x {grid[1]}'
        raise UserError(f'the {tokens} position embeddings are {shape} of patches: say which grid they are for')
    return patches[0] == tokens


def _is_square(count: int) -> bool:
    return round(count**0.5) ** 2 == count
