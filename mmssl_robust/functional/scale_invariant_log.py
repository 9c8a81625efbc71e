"""Scale-invariant log error of depth, Eq. (4) of the paper."""

import torch
from torch import Tensor


def scale_invariant_log_loss(
    pred: Tensor, target: Tensor, mask: Tensor, rho: float = 0.85, alpha: float = 1.0
) -> Tensor:
    r"""Return Eq. (4) for each image.

    .. math::
        L = \alpha \sqrt{\frac{1}{T} \sum_i g_i^2 - \frac{\rho}{T^2} \Big(\sum_i g_i\Big)^2},
        \qquad g_i = \log \tilde d_i - \log d_i

    The equation as printed lacks the square on the last sum; it is there in its source (Eigen et al.,
    *Depth Map Prediction from a Single Image*, NeurIPS 2014; Bhat et al., *AdaBins*, CVPR 2021).

    Args:
        pred: Depth in metres (B, 1, H, W), positive.
        target: Depth in metres (B, 1, H, W).
        mask: (B, 1, H, W) bool, True where the target counts.
        rho: Share of the squared mean error that is forgiven; 1 ignores the scale.
        alpha: Factor of the loss.

    Returns:
        (B,); 0 with gradient 0 for an image without a valid pixel.
    """
    log_ratio = masked_log_ratio(pred, target, mask).flatten(1)
    count = mask.flatten(1).sum(dim=1).clamp(min=1)
    mean_square = log_ratio.square().sum(dim=1) / count
    mean = log_ratio.sum(dim=1) / count
    variance = mean_square - rho * mean.square()
    # The root has no gradient at 0, a perfect prediction: take it elsewhere only.
    positive = variance > 0
    return alpha * torch.where(positive, torch.where(positive, variance, 1.0).sqrt(), 0.0)


def masked_log_ratio(pred: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return ``log(pred / target)`` where the mask is True, elsewhere 0 with gradient 0."""
    one = torch.ones((), dtype=pred.dtype, device=pred.device)
    return torch.where(mask, pred, one).log() - torch.where(mask, target, one).log()
