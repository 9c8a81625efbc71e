"""The linear heads that facebookresearch/dinov2 has released, by our names."""

import re
from collections.abc import Collection

from torch import Tensor

_NAMES = (
    (re.compile(r'^decode_head\.bn\.'), 'decode_head.norm.'),  # segmentation
    (re.compile(r'^decode_head\.conv_depth\.'), 'decode_head.conv_seg.'),  # depth
    (re.compile(r'^(weight|bias)$'), r'head.fc.\1'),  # classification
)


def to_own_names(weights: dict[str, Tensor], wanted: Collection[str]) -> dict[str, Tensor]:
    """Rename what a model knows by another name.

    Args:
        weights: Name -> tensor, of any model.
        wanted: The names of the model that is to be loaded.

    Returns:
        The same weights.
    """
    return {_own_name(name, wanted): tensor for name, tensor in weights.items()}


def _own_name(name: str, wanted: Collection[str]) -> str:
    names = (pattern.sub(own, name) for pattern, own in _NAMES)
    return name if name in wanted else next((own for own in names if own in wanted), name)
