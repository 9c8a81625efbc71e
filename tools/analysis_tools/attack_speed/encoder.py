"""The forward pass of a ViT written out, for baselines that must not change when the package becomes faster."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]


def explicit_attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention (B, heads, N, D) that keeps its weights (B, heads, N, M), as the first public codes write it."""
    weights = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-2, -1)
    return weights.softmax(dim=-1) @ values


def fused_attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention (B, heads, N, D) by PyTorch's own kernel."""
    return F.scaled_dot_product_attention(queries, keys, values)


def encode(vit: VisionTransformer, inputs: Tensor, attention: Attention, cls_only: bool = False) -> Tensor:
    """Return the tokens (B, N, D) after the final norm.

    Args:
        vit: Holds the weights.
        inputs: Normalised images (B, 3, H, W).
        attention: How tokens are mixed.
        cls_only: Let the last block compute the CLS token alone: (B, 1, D).
    """
    tokens = vit._pos_embed(vit.patch_embed(inputs))
    for block in vit.blocks:
        kept = 1 if cls_only and block is vit.blocks[-1] else tokens.shape[1]
        tokens = tokens[:, :kept] + block.ls1(_attend(block.attn, block.norm1(tokens), kept, attention))
        tokens = tokens + block.ls2(block.mlp(block.norm2(tokens)))
    return vit.norm(tokens)


def _attend(layer: torch.nn.Module, tokens: Tensor, kept: int, attention: Attention) -> Tensor:
    """Mix all tokens (B, N, D) into the first ones (B, kept, D)."""
    width = tokens.shape[-1]
    if kept == tokens.shape[1]:
        projected = layer.qkv(tokens).chunk(3, dim=-1)
    else:
        weights, biases = layer.qkv.weight.split([width, 2 * width]), layer.qkv.bias.split([width, 2 * width])
        queries = F.linear(tokens[:, :kept], weights[0], biases[0])
        projected = queries, *F.linear(tokens, weights[1], biases[1]).chunk(2, dim=-1)
    heads = (part.unflatten(-1, (layer.num_heads, -1)).transpose(1, 2) for part in projected)
    return layer.proj(attention(*heads).transpose(1, 2).flatten(2))
