"""The objective that knows no task."""

from collections.abc import Callable
from typing import get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from mmssl_robust.attacks.upsampled import full
from mmssl_robust.functional.token_cosine import token_cosine
from mmssl_robust.utils.errors import UserError

from .base import Forward, Objective, ObjectiveValues, Tokens


class EmbeddingDistance(Objective):
    """L2 distance of an image's embedding from a reference, over all its entries (Sec. 3.1).

    Outputs (B, ...) are embeddings of any shape. Without targets the reference is the clean image's own embedding,
    by one forward; the clean image is then a minimum without a gradient, hence the random start. Pass targets for
    another one: with ``towards`` another image's embedding makes its look-alike, without it a teacher's embedding
    is what to move away from.

    Score: minus the distance. Success: cosine with the reference below 0.5. Towards a reference both are turned
    round: the score is the distance, and a cosine above 0.5 is success.

    Args:
        tokens: What a victim hands over as the embedding: ``'cls'``, ``'patch'``, ``'both'``, or ``'task'``
            for the CLS token in classification and the patch tokens in dense tasks.
        towards: Lower the distance instead of raising it.
        reference: Function of the clean images that gives the reference, such as a teacher's encoder, in place of
            targets.

    Raises:
        UserError: If ``tokens`` is unknown.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import EmbeddingDistance
        >>> clean, embedding = torch.tensor([[1.0, 0.0]]), torch.tensor([[-2.0, 4.0]])
        >>> values = EmbeddingDistance().values(embedding, clean, step=1, steps=20)
        >>> values.loss, values.success  # 3 to the left, 4 up; the cosine is negative
        (tensor([5.]), tensor([True]))
        >>> EmbeddingDistance(towards=True)(embedding, clean, step=1, steps=20)
        tensor([-5.])
    """

    reads = 'embedding'
    reached = 0.0
    """Score at the reference itself, if it is what to move towards."""

    def __init__(
        self, tokens: Tokens = 'task', towards: bool = False, reference: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        if tokens not in get_args(Tokens):
            raise UserError(f'unknown tokens={tokens!r}: use one of {", ".join(get_args(Tokens))}')
        self.tokens = tokens
        self.towards = towards
        self.reference = reference
        self.from_clean = not towards and reference is None
        self.needs_random_start = self.from_clean  # where the distance has no gradient

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Fill in the reference, unless it is given."""
        if targets is None and self.towards and self.reference is None:
            raise ValueError(f'{type(self).__name__} needs the embedding to move towards: pass targets or a reference')
        if targets is None:
            targets = full((self.reference or forward)(inputs))
        return super().prepare(forward, inputs, targets)

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the distance (B,), or minus it, the same at every step."""
        _check_shapes(outputs, targets)
        return -self.sign * self.similarity(outputs, targets)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return minus the distance, or the distance."""
        return self.sign * self.similarity(outputs, targets)

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return on which side of 0.5 the cosine is, as the class says."""
        cosine = self.cosine(outputs, targets)
        return cosine > 0.5 if self.towards else cosine < 0.5

    def halved(self, found: ObjectiveValues, clean: ObjectiveValues, targets: Tensor) -> Tensor:  # noqa: ARG002
        """Return whether the attack has succeeded: a distance has no half, the cosine has."""
        return found.success

    def idle(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return whether the reference is reached already, if it is what to move towards."""
        return (score <= self.reached) & self.towards

    @property
    def sign(self) -> int:
        """What to multiply the similarity with, so that the attacker wants it low."""
        return -1 if self.towards else 1

    def similarity(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return minus the distance (B,)."""
        distance: Tensor = torch.linalg.vector_norm((outputs - targets).flatten(1), dim=1)
        return -distance

    def cosine(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cosine (B,) over all entries."""
        return F.cosine_similarity(outputs.flatten(1), targets.flatten(1), dim=1)


class EmbeddingCosine(EmbeddingDistance):
    """Minus the cosine between an image's tokens and a reference's, the distance of DeACL (Eq. 2).

    Outputs (B, D) or (B, N, D); targets and ``towards`` as in :class:`EmbeddingDistance`. Score: the cosine, mean over
    the tokens, or minus it. Success: below 0.5, or above.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import EmbeddingCosine
        >>> clean = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])  # two tokens of one image
        >>> turned = torch.tensor([[[0.0, 1.0], [0.0, 3.0]]])  # the first by 90 degrees, the second not at all
        >>> EmbeddingCosine()(turned, clean, step=1, steps=20)
        tensor([-0.5000])
    """

    reached = -1.0

    def similarity(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cosine (B,), mean over the tokens."""
        return token_cosine(outputs, targets)

    cosine = similarity


def _check_shapes(outputs: Tensor, targets: Tensor) -> None:
    if outputs.shape != targets.shape:
        raise ValueError(f'embeddings {tuple(outputs.shape)}, but the reference is {tuple(targets.shape)}')
