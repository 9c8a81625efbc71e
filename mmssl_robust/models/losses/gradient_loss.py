"""Multi-scale gradient matching error of log-depth, Eq. (3) of the paper."""

from torch import Tensor, nn

from .sig_loss import masked_log_ratio


def gradient_matching_loss(pred: Tensor, target: Tensor, mask: Tensor, scales: int = 4) -> Tensor:
    r"""Return Eq. (3) for each image.

    .. math:: L = \sum_k \frac{1}{n_k} \sum_i |\nabla_x R_i^k| + |\nabla_y R_i^k|

    R is the difference of log-depths, scale k keeps every :math:`2^k`-th row and column, and a difference of
    neighbours counts where both are valid. From Li and Snavely, *MegaDepth*, CVPR 2018. The equation as printed
    divides the sum over all scales by one n; each scale by its own number of pixels, as in DINOv2, weighs them alike.

    Args:
        pred: Depth in metres (B, 1, H, W), positive.
        target: Depth in metres (B, 1, H, W).
        mask: (B, 1, H, W) bool, True where the target counts; :math:`n_k` is the number of such pixels.
        scales: Number of scales.

    Returns:
        (B,); 0 with gradient 0 for an image without a valid pixel.
    """
    ratio = masked_log_ratio(pred, target, mask)
    total = ratio.new_zeros(len(ratio))
    for k in range(scales):
        r, valid = ratio[..., :: 2**k, :: 2**k], mask[..., :: 2**k, :: 2**k]
        down = (r[..., 1:, :] - r[..., :-1, :]).abs() * (valid[..., 1:, :] & valid[..., :-1, :])
        across = (r[..., 1:] - r[..., :-1]).abs() * (valid[..., 1:] & valid[..., :-1])
        pixels = valid.flatten(1).sum(dim=1).clamp(min=1)
        total = total + (down.flatten(1).sum(dim=1) + across.flatten(1).sum(dim=1)) / pixels
    return total


class GradientLoss(nn.Module):
    """Mean of :func:`gradient_matching_loss` over a batch, for training.

    Args:
        scales: Number of scales.
        min_depth: Targets up to this depth in metres are missing.
        max_depth: Targets from this depth in metres on are not trusted.
        loss_weight: Factor of the loss; the paper's total is ``L_pixel + 0.5 L_grad``.
    """

    def __init__(
        self, scales: int = 4, min_depth: float = 1e-3, max_depth: float = 10.0, loss_weight: float = 0.5
    ) -> None:
        super().__init__()
        self.scales = scales
        self.min_depth = min_depth
        self.max_depth = max_depth
        self.loss_weight = loss_weight
        self.loss_name = 'loss_grad'

    def forward(self, pred: Tensor, target: Tensor, **kwargs: object) -> Tensor:  # noqa: ARG002
        """Return the loss of depths (B, 1, H, W); MMSegmentation's further arguments are not used."""
        mask = (target > self.min_depth) & (target < self.max_depth)
        return self.loss_weight * gradient_matching_loss(pred, target, mask, self.scales).mean()
