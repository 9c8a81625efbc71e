"""The objective of adversarial fine-tuning."""

import torch.nn.functional as F
from torch import Tensor, nn


def token_cosine(embedding: Tensor, reference: Tensor) -> Tensor:
    """Cosine similarity token by token, mean over an image's tokens.

    Args:
        embedding: (B, D) or (B, N, D).
        reference: Another of the same shape.

    Returns:
        (B,), in [-1, 1].

    Raises:
        ValueError: If the shapes differ.
    """
    if embedding.shape != reference.shape:
        raise ValueError(f'embeddings {tuple(embedding.shape)}, but the reference is {tuple(reference.shape)}')
    return F.cosine_similarity(embedding, reference, dim=-1).reshape(len(embedding), -1).mean(dim=1)


class DeACLLoss(nn.Module):
    """Eq. (2), with minus the cosine for d (Zhang et al., "Decoupled adversarial contrastive learning", ECCV 2022).

    The gradient flows through both arguments of the second term.

    Args:
        gamma: Weight of the robustness term.
    """

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, clean: Tensor, adversarial: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
        """Return both terms, means over the batch.

        Args:
            clean: The student's embedding (B, D) or (B, N, D) of the images.
            adversarial: That of the adversarial images.
            teacher: The teacher's of the images.

        Returns:
            d(student, teacher) in [-1, 1] and gamma d(student of adversarial, student) in [-gamma, gamma].

        Raises:
            ValueError: If the shapes differ.
        """
        return -token_cosine(clean, teacher).mean(), -self.gamma * token_cosine(adversarial, clean).mean()
