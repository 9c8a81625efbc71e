"""Multi-scale gradient matching error of log-depth, Eq. (3) of the paper."""

from torch import Tensor

from .scale_invariant_log import masked_log_ratio


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
