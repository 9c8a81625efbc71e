"""On the way to the embedding of another image."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from mmssl_robust.attacks.upsampled import full
from mmssl_robust.utils.errors import UserError

from .base import Forward, Tokens
from .embedding import EmbeddingDistance


def blotches(inputs: Tensor, number: int) -> Tensor:
    """Return one smooth random image, which follows from its number, for each of the images (B, C, H, W)."""
    generator = torch.Generator().manual_seed(number)
    small = torch.rand(1, inputs.shape[1], 4, 4, generator=generator).to(inputs)
    image = F.interpolate(small, size=inputs.shape[-2:], mode='bicubic', align_corners=False)
    return image.clamp(0, 1).expand_as(inputs).contiguous()


LURES: dict[str, Callable[[Tensor], Tensor]] = {
    **{f'blotches-{number}': partial(blotches, number=number) for number in range(3)},
    'negative': lambda inputs: 1 - inputs,
    'turned': lambda inputs: inputs.flip(2).roll(1, dims=1),
}
"""What else images (B, C, H, W) could show: smooth random colours, the negative, upside down in exchanged colours."""


class EmbeddingLure(EmbeddingDistance):
    """On the way from the clean embedding to that of another image, and beyond: ``<z - z_clean, u>``.

    u is the unit vector from z_clean to the other image's embedding, over all entries. What only moves away goes where
    that is easiest, to which a head may be blind; other images lie where heads tell images apart. The other image
    follows from the image itself or from a number, so that no result depends on the other images of the batch; padding
    is taken for a part of the image. Outputs (B, ..., D). Score: minus the way. Success is that of
    :class:`EmbeddingDistance`.

    Args:
        lure: Name of the other image, of :data:`LURES`.
        tokens: See :class:`EmbeddingDistance`.

    Raises:
        UserError: If the lure is unknown, or as for :class:`EmbeddingDistance`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import EmbeddingLure
        >>> objective, image = EmbeddingLure('negative'), torch.full((1, 3, 8, 8), 0.25)
        >>> def encoder(x):
        ...     return x.mean(dim=(1, 2, 3))[:, None]
        >>> targets = objective.prepare(encoder, image, None)
        >>> targets.flatten().tolist()  # of the image, and of its negative
        [0.25, 0.75]
        >>> objective(encoder(image + 0.125), targets, step=1, steps=20)  # so far on the way
        tensor([0.1250])
    """

    def __init__(self, lure: str = 'negative', tokens: Tokens = 'task') -> None:
        if lure not in LURES:
            raise UserError(f'unknown lure={lure!r}: use one of {", ".join(LURES)}')
        super().__init__(tokens)
        self.lure = lure
        self.needs_random_start = False

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Return (B, 2, ..., D): the clean embedding and the other."""
        reference = super().prepare(forward, inputs, targets)
        return torch.stack([reference, full(forward(LURES[self.lure](inputs)))], dim=1)

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return how far the embedding is on the way (B,), the same at every step."""
        reference, other = targets.unbind(dim=1)
        way = F.normalize((other - reference).flatten(1), dim=1)
        return ((outputs - reference).flatten(1) * way).sum(dim=1)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return minus the way."""
        return -self(outputs, targets, 1, 1)

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether the cosine with the clean embedding is below 0.5."""
        return super().success(outputs, targets[:, 0])
