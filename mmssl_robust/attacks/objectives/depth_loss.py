"""The depth objective of the paper, Eqs. (3) and (4)."""

from torch import Tensor

from mmssl_robust.functional.gradient_matching import gradient_matching_loss
from mmssl_robust.functional.scale_invariant_log import scale_invariant_log_loss

from .depth import DepthObjective, check_shapes


class DepthLoss(DepthObjective):
    """Scale-invariant log error plus half the gradient matching error: ``L_pixel + L_grad / 2`` (App. C.1).

    Everything else as in :class:`DepthObjective`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import DepthLoss
        >>> truth = torch.full((1, 1, 8, 8), 2.0)
        >>> DepthLoss()(truth, truth, step=1, steps=20)
        tensor([0.])
        >>> DepthLoss()(truth * torch.e, truth, step=1, steps=20)  # sqrt(1 - 0.85): no edge has moved
        tensor([0.3873])
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the loss (B,), the same at every step."""
        check_shapes(outputs, targets)
        mask = self.valid(targets)
        pixel = scale_invariant_log_loss(outputs, targets, mask)
        return pixel + 0.5 * gradient_matching_loss(outputs, targets, mask)
