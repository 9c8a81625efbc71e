"""Scale-invariant log error of depth, Eq. (4) of the paper, as a training loss."""

from torch import Tensor, nn

from mmssl_robust.functional.scale_invariant_log import scale_invariant_log_loss
from mmssl_robust.utils.numbers import check_number
from mmssl_robust.utils.thresholds import HasThresholds


class SigLoss(HasThresholds, nn.Module):
    """Eq. (4) over a batch, for training: as DINOv2 trains its depth heads, whose settings the paper takes.

    Args:
        rho: See :func:`scale_invariant_log_loss`.
        pooled: Take the pixels of the batch as those of one image, so that an image that is too near and one that is
            too far cannot each be forgiven its scale; otherwise the mean of the images' own losses.
        min_depth: Targets up to this depth in metres are missing; None for that of the head, 0.001 without one.
        max_depth: Targets from this depth in metres on are not trusted; likewise, 10.
        loss_weight: Factor of the loss.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.losses import SigLoss
        >>> depth = torch.ones(1, 1, 2, 2)
        >>> round(SigLoss(rho=0)(2 * depth, depth).item(), 4)  # log 2
        0.6931
        >>> round(SigLoss(rho=1)(2 * depth, depth).item(), 2)  # forgives the scale
        0.0
    """

    min_depth: float
    max_depth: float

    def __init__(
        self,
        rho: float = 0.85,
        pooled: bool = True,
        min_depth: float | None = None,
        max_depth: float | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.rho = check_number(rho, 'rho', least=0, most=1)
        self.pooled = pooled
        self.keep_thresholds(min_depth=min_depth, max_depth=max_depth)
        self.loss_weight = check_number(loss_weight, 'loss_weight', least=0)
        self.loss_name = 'loss_pixel'

    def forward(self, pred: Tensor, target: Tensor, **kwargs: object) -> Tensor:  # noqa: ARG002
        """Return the loss of depths (B, 1, H, W); MMSegmentation's further arguments are not used."""
        mask = (target > self.min_depth) & (target < self.max_depth)
        if self.pooled:
            pred, target, mask = (maps.flatten(0, 2)[None, None] for maps in (pred, target, mask))
        return self.loss_weight * scale_invariant_log_loss(pred, target, mask, self.rho).mean()
