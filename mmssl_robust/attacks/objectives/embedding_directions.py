"""Away from the clean embedding, at each restart by another way."""

import torch
from torch import Tensor

from .base import ObjectiveValues, Tokens
from .embedding import EmbeddingDistance


class EmbeddingDirections(EmbeddingDistance):
    """The distance from the clean embedding, whose restarts set out in random directions of the embedding.

    Noise in the pixels hardly moves an embedding, so that restarts from it climb one hill again and again. From the
    second restart on, the first fifth of the steps maximises ``<z - z_clean, r>`` for a Gaussian direction r, one for
    all images and tokens, which follows from the number of the restart; the rest the distance, by which all iterates
    are judged. After Tashiro et al., *Diversity can be Transferred: Output Diversification for White- and Black-box
    Attacks*, NeurIPS 2020. Outputs (B, ..., D); everything else as in :class:`EmbeddingDistance`.

    Args:
        tokens: See :class:`EmbeddingDistance`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import EmbeddingDirections
        >>> objective, clean = EmbeddingDirections(), torch.tensor([[1.0, 0.0]])
        >>> moved = torch.tensor([[4.0, 4.0]])
        >>> first, second = (objective.aim(clean, restart) for restart in range(2))
        >>> objective(moved, first, step=1, steps=20)  # the distance
        tensor([5.])
        >>> [objective(moved, second, step, steps=20).item() == 5 for step in (1, 4, 5)]  # 4 of 20 steps
        [False, False, True]
    """

    has_aims = True
    SHARE = 0.2

    def __init__(self, tokens: Tokens = 'task') -> None:
        super().__init__(tokens)

    def aim(self, targets: Tensor, restart: int) -> Tensor:
        """Return (B, 2, ..., D): the reference and the direction, which is 0 at the first restart."""
        direction = torch.zeros(targets.shape[-1])
        if restart:
            direction.normal_(generator=torch.Generator().manual_seed(restart))
        return torch.stack([targets, direction.to(targets).expand_as(targets)], dim=1)

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return how far (B,) the embedding has gone in the direction, or from the reference."""
        reference, direction = targets.unbind(dim=1)
        if step > self.SHARE * steps or not direction.any():
            return super().__call__(outputs, reference, step, steps)
        return ((outputs - reference) * direction).flatten(1).sum(dim=1)

    def values(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> ObjectiveValues:
        """Return all measures; iterates are compared by the distance at every step."""
        found = super().values(outputs, targets, step, steps)
        return found._replace(final_loss=-found.score)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return minus the distance."""
        return super().score(outputs, targets[:, 0])

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether the cosine with the reference is below 0.5."""
        return super().success(outputs, targets[:, 0])
