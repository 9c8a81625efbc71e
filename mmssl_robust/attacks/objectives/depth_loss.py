"""The depth objective of the paper, Eqs. (3) and (4)."""

from torch import Tensor

from mmssl_robust.functional.gradient_matching import gradient_matching_loss
from mmssl_robust.functional.scale_invariant_log import scale_invariant_log_loss

from .depth import DepthObjective, check_shapes


class DepthLoss(DepthObjective):
    """Scale-invariant log error plus half the gradient matching error: ``L_pixel + L_grad / 2`` (App. C.1).

    Everything else as in :class:`DepthObjective`.
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the loss (B,), the same at every step."""
        check_shapes(outputs, targets)
        mask = self.valid(targets)
        pixel = scale_invariant_log_loss(outputs, targets, mask)
        return pixel + 0.5 * gradient_matching_loss(outputs, targets, mask)
