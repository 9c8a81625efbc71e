"""The objective of adversarial fine-tuning."""

from torch import Tensor, nn

from mmssl_robust.functional.token_cosine import token_cosine
from mmssl_robust.utils.numbers import check_number


class DeACLLoss(nn.Module):
    """Eq. (2), with minus the cosine for d (Zhang et al., "Decoupled adversarial contrastive learning", ECCV 2022).

    The gradient flows through both arguments of the second term.

    Args:
        gamma: Weight of the robustness term.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.losses import DeACLLoss
        >>> teacher = torch.tensor([[1.0, 0.0]])
        >>> kept, robust = DeACLLoss(gamma=2.0)(clean=teacher, adversarial=-teacher, teacher=teacher)
        >>> kept.item(), robust.item()  # the best of the one, the worst of the other
        (-1.0, 2.0)
    """

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        check_number(gamma, 'gamma', least=0)
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
