"""Multi-scale gradient matching error of log-depth, Eq. (3) of the paper, as a training loss."""

from collections.abc import Sequence

from torch import Tensor, nn

from mmssl_robust.functional.gradient_matching import gradient_sums
from mmssl_robust.utils.numbers import check_integer, check_number
from mmssl_robust.utils.thresholds import HasThresholds


class GradientLoss(HasThresholds, nn.Module):
    """Eq. (3) over a batch, for training: as DINOv2 trains its depth heads, whose settings the paper takes.

    Args:
        strides: Of each scale, which rows and columns it keeps.
        apart: How many of those rows and columns lie from one neighbour to the other.
        pooled: Divide the sum over the batch by its number of valid pixels; otherwise take the mean of the images' own
            losses, :func:`~mmssl_robust.functional.gradient_matching.gradient_matching_loss`.
        min_depth: Targets up to this depth in metres are missing; None for that of the head, 0.001 without one.
        max_depth: Targets from this depth in metres on are not trusted; likewise, 10.
        loss_weight: Factor of the loss; the paper's total is ``L_pixel + 0.5 L_grad``.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.losses import GradientLoss
        >>> loss = GradientLoss(strides=[1], apart=1, loss_weight=1.0)
        >>> depth = torch.ones(1, 1, 1, 2)  # a flat wall, two pixels
        >>> wrong = depth * torch.tensor([1.0, 2.0])
        >>> round(loss(2 * depth, depth).item(), 4), round(loss(wrong, depth).item(), 4)  # knows no scale; log(2) / 2
        (0.0, 0.3466)
    """

    min_depth: float
    max_depth: float

    def __init__(
        self,
        strides: Sequence[int] = (1, 2, 4, 6),
        apart: int = 2,
        pooled: bool = True,
        min_depth: float | None = None,
        max_depth: float | None = None,
        loss_weight: float = 0.5,
    ) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self.apart = check_integer(apart, 'apart', 1)
        self.pooled = pooled
        self.keep_thresholds(min_depth=min_depth, max_depth=max_depth)
        self.loss_weight = check_number(loss_weight, 'loss_weight', least=0)
        self.loss_name = 'loss_grad'

    def forward(self, pred: Tensor, target: Tensor, **kwargs: object) -> Tensor:  # noqa: ARG002
        """Return the loss of depths (B, 1, H, W); MMSegmentation's further arguments are not used."""
        mask = (target > self.min_depth) & (target < self.max_depth)
        sums, pixels = gradient_sums(pred, target, mask, self.strides, self.apart)
        if self.pooled:
            sums, pixels = sums.sum(dim=1, keepdim=True), pixels.sum(dim=1, keepdim=True)
        return self.loss_weight * (sums / pixels.clamp(min=1)).sum(dim=0).mean()
