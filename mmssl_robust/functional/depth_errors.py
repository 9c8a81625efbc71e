"""Errors of monocular depth, and where they are taken."""

import torch
from torch import Tensor

# Eigen et al. (2014), for NYU's 480 x 640: rows and columns with a valid depth in every frame.
EIGEN_CROP = (slice(45, 471), slice(41, 601))
EIGEN_SIZE = (480, 640)


def depth_errors(pred: Tensor, target: Tensor) -> dict[str, float]:
    """Return the errors over valid pixels.

    Args:
        pred: Depth in metres (N,), positive.
        target: Depth in metres (N,), positive.

    Returns:
        ``rmse`` (metres), ``abs_rel``, ``log10``, and ``delta1`` to ``delta3``: the shares of pixels within a
        factor of 1.25, 1.25^2 and 1.25^3.
    """
    pred, target = pred.double(), target.double()
    factor = torch.maximum(pred / target, target / pred)
    errors = dict(
        rmse=(pred - target).square().mean().sqrt(),
        abs_rel=((pred - target).abs() / target).mean(),
        log10=(pred.log10() - target.log10()).abs().mean(),
        **{f'delta{k}': (factor < 1.25**k).double().mean() for k in (1, 2, 3)},
    )
    return {name: value.item() for name, value in errors.items()}
