"""Remembering what a frozen encoder makes of an image."""

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

# An image's features: tensors, in tuples or lists of any depth.
Features = Any


class FeatureCache:
    """Stands in for the forward of a frozen encoder; images that it has seen cost a look-up.

    What identifies an image is the content of its tensor, so that it is right after any augmentation, and pays after
    those with few outcomes: none, or flips. New images are computed in one batch; their features equal those without
    the cache up to rounding, since a batched matrix product may depend on the size of its batch.

    Args:
        forward: From images (B, ...) to features: tensors (B, ...), in tuples or lists of any depth.
        limit: Bytes to keep, in main memory; beyond it nothing new is remembered.

    Attributes:
        bytes: How many are kept.
        hits: Images that were found.
        misses: Images that were computed.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.backbones import FeatureCache
        >>> encode = FeatureCache(torch.nn.Flatten(), limit=2**20)  # or the forward of any frozen encoder
        >>> images = torch.rand(4, 3, 8, 8)
        >>> for epoch in range(3):
        ...     features = encode(images)
        >>> encode.misses, encode.hits
        (4, 8)
    """

    def __init__(self, forward: Callable[[Tensor], Features], limit: int) -> None:
        self.forward = forward
        self.limit = limit
        self.bytes = self.hits = self.misses = 0
        self._kept: dict[bytes, Features] = {}

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Features:
        """Return the features of a batch; they carry no gradient."""
        keys = [_digest(image) for image in inputs]
        new = {key: place for place, key in enumerate(keys) if key not in self._kept}
        self.misses += len(new)
        self.hits += len(keys) - len(new)
        rows = {key: self._kept[key] for key in keys if key not in new}
        if new:
            features = self.forward(inputs[list(new.values())])
            for place, key in enumerate(new):
                rows[key] = _map(lambda part, place=place: part[place].cpu().clone(), features)
                self._keep(key, rows[key])
        return _map(lambda *parts: torch.stack(parts).to(inputs.device), *(rows[key] for key in keys))

    def clear(self) -> None:
        """Forget all features."""
        self._kept.clear()
        self.bytes = 0

    def _keep(self, key: bytes, row: Features) -> None:
        sizes: list[int] = []
        _map(lambda part: sizes.append(part.numel() * part.element_size()), row)
        if self.bytes + sum(sizes) <= self.limit:
            self._kept[key] = row
            self.bytes += sum(sizes)


def why_not_frozen(encoder: nn.Module) -> str:
    """Say why an encoder in training may give another result the next time; empty if it may not."""
    trained = [name for name, parameter in encoder.named_parameters() if parameter.requires_grad]
    if trained:
        return f'{trained[0]} is trained'
    for name, module in encoder.named_modules():
        random = (isinstance(module, _DropoutNd) and module.p > 0) or bool(getattr(module, 'drop_prob', 0))
        if module.training and (random or isinstance(module, _BatchNorm)):
            return f'{name} is in training mode'
    return ''


def _digest(image: Tensor) -> bytes:
    """128 bits of an image's content: two images of a data set have the same with a probability below 1e-24."""
    return hashlib.blake2b(image.detach().cpu().contiguous().view(torch.uint8).numpy().data, digest_size=16).digest()


def _map(function: Callable[..., Any], *trees: Features) -> Features:
    """Apply a function to the tensors of trees of one form."""
    first = trees[0]
    if isinstance(first, Tensor):
        return function(*trees)
    return type(first)([_map(function, *branches) for branches in zip(*trees)])
