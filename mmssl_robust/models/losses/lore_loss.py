"""Robust embeddings that stay near the clean ones by a constraint, with its multiplier learnt for each image."""

import torch.nn.functional as F
from torch import Tensor, nn

from mmssl_robust.functional.token_distance import token_distance, token_size


class DualNetwork(nn.Module):
    """The multiplier of an image's constraint, at least 0, from the teacher's clean embedding.

    Args:
        embed_dims: Width D of the embedding.
        hidden_dims: Width of the hidden layer.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.losses import DualNetwork
        >>> multipliers = DualNetwork(embed_dims=384)(torch.randn(8, 1, 384))  # of 8 images
        >>> multipliers.shape, bool((multipliers >= 0).all())
        (torch.Size([8]), True)
    """

    def __init__(self, embed_dims: int, hidden_dims: int = 64) -> None:
        super().__init__()
        self.hidden = nn.Linear(embed_dims, hidden_dims)
        self.out = nn.Linear(hidden_dims, 1)

    def forward(self, embedding: Tensor) -> Tensor:
        """Map embeddings (B, N, D), their mean over the tokens, to multipliers (B,)."""
        hidden = self.hidden(embedding.mean(dim=1)).relu()
        return F.softplus(self.out(hidden)).squeeze(1)


class LORELoss(nn.Module):
    r"""LORE (arXiv 2505.18884): FARE under a constraint on each clean image.

    .. math::
        \max_{\lambda \ge 0} \min_{s} E\big[ \lVert s(x_{adv}) - t(x) \rVert^2
            + \lambda(x) (\lVert s(x) - t(x) \rVert^2 - \rho \lVert t(x) \rVert^2) \big].

    Squared distances and lengths are means over an image's tokens.

    Args:
        rho: Share of the squared length by which a clean embedding may move.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.losses import LORELoss
        >>> teacher = torch.tensor([[[2.0, 0.0]]])  # an image of one token, of squared length 4
        >>> loss = LORELoss(rho=0.25)
        >>> objective, violation = loss(clean=teacher + 1, adversarial=0 * teacher, teacher=teacher)
        >>> objective.item(), violation.item()  # 4 - 0; (1 + 1) - 0.25 * 4
        (4.0, 1.0)
        >>> loss.primal(objective, violation, multiplier=torch.tensor([3.0])).item()
        7.0
    """

    def __init__(self, rho: float = 0.1) -> None:
        super().__init__()
        self.rho = rho

    def forward(self, clean: Tensor, adversarial: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
        """Return the objective and by how much the constraint is broken, (B,) each.

        Args:
            clean: The student's embedding (B, N, D) of the images.
            adversarial: That of the adversarial images.
            teacher: The teacher's of the images.
        """
        violation = token_distance(clean, teacher) - self.rho * token_size(teacher)
        return token_distance(adversarial, teacher), violation

    @staticmethod
    def primal(objective: Tensor, violation: Tensor, multiplier: Tensor) -> Tensor:
        """What the student lowers, a scalar; no gradient for the multiplier (B,)."""
        return (objective + multiplier.detach() * violation).mean()

    @staticmethod
    def dual(violation: Tensor, multiplier: Tensor) -> Tensor:
        """What the multiplier lowers, a scalar: minus what it is to raise; no gradient for the student."""
        return -(multiplier * violation.detach()).mean()
