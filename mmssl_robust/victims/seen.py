"""A victim as the function of its pixels that an attack differentiates."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mmssl_robust.attacks.upsampled import Outputs, Upsampled, full
from mmssl_robust.utils.precision import HALF, scaled_gradient

if TYPE_CHECKING:
    from .base import Victim
    from .heads import Distances


@dataclass(frozen=True)
class Seen:
    """A victim as a function of its pixels (B, 3, H, W): the prediction, the embedding, or what heads make of it.

    Attributes:
        victim: The victim.
        precision: One of :data:`mmssl_robust.utils.precision.PRECISIONS`.
        tokens: Which tokens of the embedding; None for the prediction.
        upsampled: Return small maps where there are such.
        distances: Of heads on the embedding, to be returned in its place; None for none.
    """

    victim: 'Victim'
    precision: str = 'fp32'
    tokens: str | None = None
    upsampled: bool = False
    distances: 'Distances | None' = None

    def __call__(self, pixels: Tensor) -> Outputs:
        """Return the outputs, in fp32."""
        outputs = _scaled(self._outputs, pixels) if self.precision == 'fp16' else self._outputs(pixels)
        return outputs if self.upsampled else full(outputs)

    def only(self, indices: Tensor) -> 'Seen':
        """The same of some of the samples."""
        distances = self.distances and self.distances.only(indices)
        return replace(self, victim=self.victim.only(indices), distances=distances)

    def reading(self, tokens: str) -> 'Seen':
        """The same with other tokens of the embedding."""
        return replace(self, tokens=tokens)

    def region_of_maps(self, region: Tensor) -> Tensor:
        """Which places of the ground truth lie on a region (B, 1, H, W) of the pixels."""
        return self.victim.region_of_maps(region)

    def _outputs(self, pixels: Tensor) -> Outputs:
        if self.precision not in HALF:
            return self._read(pixels)
        with torch.autocast(pixels.device.type, HALF[self.precision]):
            outputs = self._read(pixels)
        return outputs.float()

    def _read(self, pixels: Tensor) -> Outputs:
        if self.distances:
            return self.distances.of(self.victim, pixels)
        return self.victim.embedding(pixels, self.tokens) if self.tokens else self.victim.compact_prediction(pixels)


def _low(outputs: Outputs) -> Tensor:
    return outputs.low if isinstance(outputs, Upsampled) else outputs


def _scaled(function: Callable[[Tensor], Outputs], pixels: Tensor) -> Outputs:
    """:func:`scaled_gradient` of a function that may return small maps."""
    outputs: list[Outputs] = []

    def low(pixels: Tensor) -> Tensor:
        outputs.append(function(pixels))
        return _low(outputs[-1])

    small = scaled_gradient(low, pixels)
    return replace(outputs[-1], low=small) if isinstance(outputs[-1], Upsampled) else small
