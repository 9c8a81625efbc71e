"""Encoders by name, from any library, with their own normalisation, strictly loaded and frozen."""

import os
from typing import Any

from .encoder import Encoder
from .in_config import info_of, use_encoder
from .info import EncoderInfo
from .spec import EncoderSpec, parse_spec

__all__ = ['Encoder', 'EncoderInfo', 'EncoderSpec', 'info_of', 'load_encoder', 'parse_spec', 'use_encoder']


def load_encoder(spec: str | os.PathLike[str] | EncoderSpec, *args: Any, **settings: Any) -> Encoder:
    """Build an encoder and load its weights.

    Args:
        spec: See :func:`parse_spec`.
        *args: Further arguments of :class:`Encoder`.
        **settings: Likewise.

    Returns:
        The encoder, frozen and in eval mode unless the settings say otherwise.

    Raises:
        UserError: If it cannot be built or loaded.

    Examples:
        >>> import torch
        >>> from mmssl_robust.encoders import load_encoder
        >>> encoder = load_encoder('mini')  # or timm:NAME, hf:NAME, a file of weights
        >>> inputs = encoder.normalised(torch.rand(2, 3, 64, 64))
        >>> (embedding,) = encoder(inputs)
        >>> embedding.shape, encoder.training
        (torch.Size([2, 192]), False)
    """
    encoder = Encoder(spec, *args, **settings)
    encoder.init_weights()
    return encoder
