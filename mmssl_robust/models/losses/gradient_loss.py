"""Multi-scale gradient matching error of log-depth, Eq. (3) of the paper, as a training loss."""

from torch import Tensor, nn

from mmssl_robust.functional.gradient_matching import gradient_matching_loss
from mmssl_robust.utils.thresholds import HasThresholds


class GradientLoss(HasThresholds, nn.Module):
    """Mean of :func:`gradient_matching_loss` over a batch, for training.

    Args:
        scales: Number of scales.
        min_depth: Targets up to this depth in metres are missing; None for that of the head, 0.001 without one.
        max_depth: Targets from this depth in metres on are not trusted; likewise, 10.
        loss_weight: Factor of the loss; the paper's total is ``L_pixel + 0.5 L_grad``.
    """

    min_depth: float
    max_depth: float

    def __init__(
        self, scales: int = 4, min_depth: float | None = None, max_depth: float | None = None, loss_weight: float = 0.5
    ) -> None:
        super().__init__()
        self.scales = scales
        self.keep_thresholds(min_depth=min_depth, max_depth=max_depth)
        self.loss_weight = loss_weight
        self.loss_name = 'loss_grad'

    def forward(self, pred: Tensor, target: Tensor, **kwargs: object) -> Tensor:  # noqa: ARG002
        """Return the loss of depths (B, 1, H, W); MMSegmentation's further arguments are not used."""
        mask = (target > self.min_depth) & (target < self.max_depth)
        return self.loss_weight * gradient_matching_loss(pred, target, mask, self.scales).mean()
