"""Gaussian noise that depends on the image and the number of the draw alone."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def gaussian(shape: Sequence[int], sigma: float, seed: int, key: int, draws: Sequence[int]) -> Tensor:
    """Draw noise for one image.

    The noise follows from (seed, key, draw): it is the same in any batch, in any order, in any number of processes and
    on any device.

    Args:
        shape: Of the image, (C, H, W).
        sigma: Standard deviation.
        seed: Non-negative integer.
        key: Index of the image in its data set.
        draws: Numbers of the draws, from 0.

    Returns:
        (len(draws), C, H, W), float32, on the CPU.

    Examples:
        >>> from mmssl_robust.certified import gaussian
        >>> noise = gaussian((3, 8, 8), sigma=0.25, seed=0, key=5, draws=range(4))
        >>> noise.shape
        torch.Size([4, 3, 8, 8])
        >>> noise[2].equal(gaussian((3, 8, 8), sigma=0.25, seed=0, key=5, draws=[2])[0])  # alone, it is the same
        True
    """
    noise = [np.random.default_rng((seed, key, draw)).standard_normal(shape, dtype=np.float32) for draw in draws]
    return sigma * torch.from_numpy(np.stack(noise))
