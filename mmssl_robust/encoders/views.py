"""An encoder asked for other tokens than those that its own head reads; weights stay shared."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mmssl_robust.functional.tokens import select_tokens
from mmssl_robust.models.backbones import DINOVisionTransformer

from .checkpoint_source import CheckpointNetwork
from .encoder import Encoder

AnyModule = TypeVar('AnyModule', bound=nn.Module)
ASKABLE = (DINOVisionTransformer, Encoder)
"""Encoders that can be asked for other tokens than they are set to return."""


def view_of(encoder: AnyModule, **outputs: Any) -> AnyModule:
    """Return an encoder with other settings of what it returns: the same modules, the same weights.

    Args:
        encoder: One of :data:`ASKABLE`.
        **outputs: ``out_type``, ``out_indices``, ``final_norm``.
    """
    view = copy.copy(encoder)
    for name, value in outputs.items():
        setattr(view, name, value)
    return view


def as_configured(encoder: nn.Module) -> nn.Module:
    """Return an encoder by name as the backbone that configs have in its place, if there is one; weights are shared."""
    network = encoder.network if isinstance(encoder, Encoder) else None
    return network.as_dino() if isinstance(network, CheckpointNetwork) else encoder


def every_token(encoder: DINOVisionTransformer | Encoder) -> Callable[[Tensor], Tensor]:
    """Return the encoder as a function of inputs (B, 3, H, W): CLS and patch tokens of several blocks, (B, N, D).

    The blocks are the last one, that in the middle and the one between, normalised as the last; of an encoder whose
    layers differ in width those as wide as the last.
    """
    depth = len(encoder.vit.blocks) if isinstance(encoder, DINOVisionTransformer) else encoder.info.depth
    indices = sorted({depth // 2, 3 * depth // 4, depth - 1})
    if isinstance(encoder, DINOVisionTransformer):
        view = view_of(encoder, out_type='featmap_cls', out_indices=indices, final_norm=True)
        return lambda inputs: _joined([select_tokens((pair,), 'both') for pair in view(inputs)])
    widths = encoder.info.widths
    wide = [index for index in indices if widths[index] == widths[-1]]
    asked = view_of(encoder, out_indices=wide, final_norm=True)

    def of_layers(inputs: Tensor) -> Tensor:
        found = [(cls,) if featmap is None else (featmap, cls) for cls, featmap in asked.layers(inputs)]
        return _joined([select_tokens((pair,), 'both' if len(pair) > 1 else 'cls') for pair in found])

    return of_layers


def _joined(tokens: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(tokens), dim=1)
