"""The last block of a ViT of which only the CLS token is read: one query instead of one for each token."""

from math import prod

import torch.nn.functional as F
from timm.layers import Attention
from timm.models.vision_transformer import Block
from torch import Tensor, nn


def cls_only(block: nn.Module, x: Tensor) -> Tensor:
    """Return the first token (B, 1, D) of a block's output for tokens (B, N, D).

    Equal to ``block(x)[:, :1]`` up to rounding, at a fifth of its cost for a ViT-S/16 of 224 pixels. A block of
    another kind than timm's plain one, or with dropout in use, is computed in full.
    """
    attention = getattr(block, 'attn', None)
    if type(block) is not Block or type(attention) is not Attention or not _is_plain(block, attention):
        return block(x)[:, :1]
    first = x[:, :1]
    first = first + block.drop_path1(block.ls1(_attend(attention, block.norm1(x))))
    return first + block.drop_path2(block.ls2(block.mlp(block.norm2(first))))


def _attend(attention: Attention, x: Tensor) -> Tensor:
    """Attention (B, 1, D) of the first token to all."""
    heads = (attention.num_heads, attention.head_dim)
    parts = [prod(heads), 2 * prod(heads)]
    query, key_value = attention.qkv.weight.split(parts)
    biases = (None, None) if attention.qkv.bias is None else attention.qkv.bias.split(parts)
    q = F.linear(x[:, :1], query, biases[0]).unflatten(2, heads).transpose(1, 2)
    k, v = F.linear(x, key_value, biases[1]).unflatten(2, (2, *heads)).permute(2, 0, 3, 1, 4)
    out = F.scaled_dot_product_attention(attention.q_norm(q), attention.k_norm(k), v)
    return attention.proj(out.transpose(1, 2).flatten(2))


def _is_plain(block: Block, attention: Attention) -> bool:
    return (
        type(attention.qkv) is nn.Linear
        and isinstance(getattr(attention, 'norm', nn.Identity()), nn.Identity)
        and getattr(attention, 'gate', None) is None
        and not (block.training and (attention.attn_drop.p or attention.proj_drop.p))
    )
