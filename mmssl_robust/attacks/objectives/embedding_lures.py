"""Towards embeddings of other images, which follow from the image itself."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmssl_robust.attacks.upsampled import full

from .base import Forward, ObjectiveValues, Tokens
from .embedding import EmbeddingDistance

LURES: dict[str, Callable[[Tensor], Tensor]] = {
    'negative': lambda inputs: 1 - inputs,
    'flat': lambda inputs: inputs.mean(dim=(2, 3), keepdim=True).expand_as(inputs).contiguous(),
    'turned': lambda inputs: inputs.flip(2).roll(1, dims=1),
}
"""Images (B, C, H, W) that show something else: the negative, the mean colour, upside down in exchanged colours."""


class EmbeddingLures(EmbeddingDistance):
    """Towards the embedding of another image, at each restart of another one of :data:`LURES`.

    What moves away from the clean embedding goes where that is easiest; what moves towards another image goes where
    images lie. The other image follows from the image itself, so that no result depends on the batch. Iterates are
    ranked by the distance from the clean embedding, as those of :class:`EmbeddingDistance`, with everything else.
    Outputs (B, ..., D).

    Args:
        tokens: See :class:`EmbeddingDistance`.
    """

    has_aims = True

    def __init__(self, tokens: Tokens = 'task') -> None:
        super().__init__(tokens)

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Return (B, 1 + number of lures, ..., D): the reference and the embeddings of the other images."""
        reference = super().prepare(forward, inputs, targets)
        return torch.stack([reference, *(full(forward(lure(inputs))) for lure in LURES.values())], dim=1)

    def aims(self, targets: Tensor) -> int:
        """Return how many other images there are."""
        return targets.shape[1] - 1

    def aim(self, targets: Tensor, restart: int) -> Tensor:
        """Return (B, 2, ..., D): the reference and what to move towards."""
        return targets[:, [0, 1 + restart % self.aims(targets)]]

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return minus the distance from the other image's embedding (B,)."""
        return -super().__call__(outputs, targets[:, 1], step, steps)

    def values(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> ObjectiveValues:
        """Return all measures; iterates are compared by the distance from the clean embedding."""
        found = super().values(outputs, targets, step, steps)
        return found._replace(final_loss=-found.score)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return minus the distance from the clean embedding."""
        return super().score(outputs, targets[:, 0])

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether the cosine with the clean embedding is below 0.5."""
        return super().success(outputs, targets[:, 0])
