"""The objective that knows no task."""

from typing import ClassVar, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from mmssl_robust.models.losses import token_cosine
from mmssl_robust.utils.errors import UserError

from .base import Forward, Objective

Tokens = Literal['task', 'cls', 'patch', 'both']


class EmbeddingDistance(Objective):
    """L2 distance of an image's embedding from its clean one, over all its entries (Sec. 3.1).

    Outputs (B, ...) are embeddings of any shape. Targets are filled in by one
    forward of the clean images; pass them to move away from another reference,
    such as a teacher's embedding. The clean image is a minimum without a
    gradient, hence the random start.

    Score: minus the distance. Success: cosine with the clean embedding below 0.5.

    Args:
        tokens: What a victim hands over as the embedding: ``'cls'``, ``'patch'``, ``'both'``, or ``'task'``
            for the CLS token in classification and the patch tokens in dense tasks.

    Raises:
        UserError: If ``tokens`` is unknown.
    """

    reads: ClassVar = 'embedding'
    needs_random_start = True

    def __init__(self, tokens: Tokens = 'task') -> None:
        if tokens not in get_args(Tokens):
            raise UserError(f'unknown tokens={tokens!r}: use one of {", ".join(get_args(Tokens))}')
        self.tokens = tokens

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Fill in the clean embedding, unless a reference is given."""
        return super().prepare(forward, inputs, forward(inputs) if targets is None else targets)

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the distance (B,), the same at every step."""
        _check_shapes(outputs, targets)
        return torch.linalg.vector_norm((outputs - targets).flatten(1), dim=1)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return minus the distance."""
        return -torch.linalg.vector_norm((outputs - targets).flatten(1), dim=1)

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether the cosine with the reference is below 0.5."""
        return F.cosine_similarity(outputs.flatten(1), targets.flatten(1), dim=1) < 0.5


class EmbeddingCosine(EmbeddingDistance):
    """Minus the cosine between an image's tokens and a reference's, the distance of DeACL (Eq. 2).

    Outputs (B, D) or (B, N, D); targets as in :class:`EmbeddingDistance`. Score: the cosine, mean over the
    tokens. Success: below 0.5.
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return minus the cosine (B,), the same at every step."""
        return -token_cosine(outputs, targets)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cosine."""
        return token_cosine(outputs, targets)

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether the cosine is below 0.5."""
        return token_cosine(outputs, targets) < 0.5


def _check_shapes(outputs: Tensor, targets: Tensor) -> None:
    if outputs.shape != targets.shape:
        raise ValueError(f'embeddings {tuple(outputs.shape)}, but the reference is {tuple(targets.shape)}')
