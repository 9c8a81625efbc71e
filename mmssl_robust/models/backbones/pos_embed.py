"""Resampling of learned position embeddings as facebookresearch's code does it."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def resample_pos_embed(
    pos_embed: Tensor,
    grid: tuple[int, int],
    offset: float = 0.1,
    antialias: bool = False,
    native: tuple[int, int] | None = None,
) -> Tensor:
    """Resample position embeddings to another patch grid.

    DINO, and DINOv2 without registers, resample bicubically by the factor
    ``(new + 0.1) / old`` without antialiasing; DINOv2 with registers resamples
    to the exact size with antialiasing. Stock timm antialiases everywhere,
    which changes features by up to 12 % at small inputs.

    Args:
        pos_embed: (1, 1 + H * W, D), the class token's embedding first.
        grid: Height and width of the wanted patch grid.
        offset: Added to the new size before the factor is taken; 0 resamples
            to the exact size.
        antialias: Whether to low-pass filter when the grid shrinks.
        native: (H, W), the grid of ``pos_embed``; None for a square.

    Returns:
        (1, 1 + h * w, D), in the dtype of ``pos_embed``.

    Raises:
        ValueError: If the embeddings are not those of the native grid.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.backbones import resample_pos_embed
        >>> positions = torch.randn(1, 1 + 14 * 14, 384)
        >>> resample_pos_embed(positions, grid=(30, 40)).shape
        torch.Size([1, 1201, 384])
    """
    cls_embed, patch_embed = pos_embed[:, :1], pos_embed[:, 1:]
    patches = patch_embed.shape[1]
    height, width = native or (math.isqrt(patches),) * 2
    if height * width != patches:
        raise ValueError(f'{patches} position embeddings are no grid of {height} x {width}')
    if grid == (height, width):
        return pos_embed
    patch_embed = patch_embed.float().reshape(1, height, width, -1).permute(0, 3, 1, 2)
    if offset:
        factor = ((grid[0] + offset) / height, (grid[1] + offset) / width)
        patch_embed = F.interpolate(patch_embed, scale_factor=factor, mode='bicubic', antialias=antialias)
    else:
        patch_embed = F.interpolate(patch_embed, size=grid, mode='bicubic', antialias=antialias)
    patch_embed = patch_embed.permute(0, 2, 3, 1).flatten(1, 2).to(pos_embed.dtype)
    return torch.cat((cls_embed, patch_embed), dim=1)
