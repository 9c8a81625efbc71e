"""Position embeddings at other sizes, resampled as the code does that trained them."""

from types import MethodType
from typing import Any

import torch
from torch import Tensor

from mmssl_robust.models.backbones.pos_embed import resample_pos_embed


def keep_positions_of(model: Any, name: str) -> None:
    """Let a ViT of timm resample its positions as its authors do; timm's own way is that of DINOv2 with registers.

    Args:
        model: From timm.
        name: Its name there, which says whose it is.
    """
    way = _way_of(name)
    if way is None or not getattr(model, 'dynamic_img_size', False):
        return

    def add_positions(vit: Any, x: Tensor) -> Tensor:
        batch, height, width, _ = x.shape
        pos = resample_pos_embed(vit.pos_embed, (height, width), *way, vit.patch_embed.grid_size)
        return torch.cat((vit.cls_token.expand(batch, -1, -1), x.flatten(1, 2)), dim=1) + pos.to(x.dtype)

    model._pos_embed = MethodType(add_positions, model)


def _way_of(name: str) -> tuple[float, bool] | None:
    """Offset and antialiasing, see :func:`resample_pos_embed`; None for timm's own way."""
    architecture, _, tag = name.partition('.')
    if architecture.endswith('_dinov2') and 'reg4' not in architecture or tag == 'dino':
        return 0.1, False
    return (0.0, False) if tag == 'mae' else None
