"""Losses of predictions against labels, one number for each image."""

import torch.nn.functional as F
from torch import Tensor


def class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy (B,) of logits (B, K) for classes (B,)."""
    return F.cross_entropy(logits, labels, reduction='none')


def pixel_loss(logits: Tensor, labels: Tensor, ignore_index: int) -> Tensor:
    """Return the mean cross-entropy over the labelled pixels (B,); 0 where none is labelled.

    Args:
        logits: (B, K, h, w), enlarged to the labels' size.
        labels: (B, 1, H, W), of any integer type.
        ignore_index: Label of pixels that do not count.
    """
    logits = F.interpolate(logits, size=labels.shape[-2:], mode='bilinear', align_corners=False)
    labels = labels[:, 0].long()
    losses = F.cross_entropy(logits, labels, ignore_index=ignore_index, reduction='none')
    return _mean(losses, labels != ignore_index)


def log_depth_loss(depth: Tensor, truth: Tensor, min_depth: float, max_depth: float) -> Tensor:
    """Return the mean square of the log ratio over pixels of known depth (B,); 0 where none is known.

    Args:
        depth: (B, 1, h, w) in metres, positive; enlarged to the truth's size.
        truth: (B, 1, H, W) in metres.
        min_depth: A truth up to it is missing.
        max_depth: A truth from it on does not count.
    """
    depth = F.interpolate(depth, size=truth.shape[-2:], mode='bilinear', align_corners=False)
    known = (truth > min_depth) & (truth < max_depth)
    # Missing depths are 0, whose log would make the gradient NaN even where it is left out.
    return _mean((depth.log() - truth.where(known, depth.detach()).log()).square(), known)


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    sums = (values * counted).flatten(1).sum(dim=1)
    return sums / counted.flatten(1).sum(dim=1).clamp(min=1)
