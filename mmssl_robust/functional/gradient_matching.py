"""Multi-scale gradient matching error of log-depth, Eq. (3) of the paper."""

from collections.abc import Sequence

import torch
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
    sums, pixels = gradient_sums(pred, target, mask, [2**k for k in range(scales)])
    return (sums / pixels.clamp(min=1)).sum(dim=0)


def gradient_sums(
    pred: Tensor, target: Tensor, mask: Tensor, strides: Sequence[int], apart: int = 1
) -> tuple[Tensor, Tensor]:
    """Return the sums of Eq. (3) and how many pixels are valid, (K, B) each, for each scale and image.

    Args:
        pred: As for :func:`gradient_matching_loss`.
        target: Likewise.
        mask: Likewise.
        strides: Of each scale, which rows and columns it keeps.
        apart: How many of those rows and columns lie from one neighbour to the other.
    """
    ratio = masked_log_ratio(pred, target, mask)
    sums, pixels = [], []
    for stride in strides:
        r, valid = ratio[..., ::stride, ::stride], mask[..., ::stride, ::stride]
        down = (r[..., apart:, :] - r[..., :-apart, :]).abs() * (valid[..., apart:, :] & valid[..., :-apart, :])
        across = (r[..., apart:] - r[..., :-apart]).abs() * (valid[..., apart:] & valid[..., :-apart])
        sums.append(down.flatten(1).sum(dim=1) + across.flatten(1).sum(dim=1))
        pixels.append(valid.flatten(1).sum(dim=1))
    return torch.stack(sums), torch.stack(pixels)
