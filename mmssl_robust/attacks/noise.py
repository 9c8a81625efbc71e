"""Random starts that depend on the image alone."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmssl_robust.attacks.threat_models import ThreatModel


def random_start(
    threat: ThreatModel, inputs: Tensor, keys: Sequence[int], seed: int, restart: int, mask: Tensor | None = None
) -> Tensor:
    """Draw one random perturbation for each image, uniform in the threat model's ball.

    The noise of an image follows from (seed, key, restart) and its own allowed
    pixels, so it is the same in any batch, in any order, in any number of
    processes, on any device and however much padding the batch has added.

    Args:
        threat: The ball to draw from.
        inputs: The images (B, C, H, W): their shape, type and device.
        keys: One non-negative integer for each image, such as its index in the data set.
        seed: Non-negative integer.
        restart: Number of the restart, from 0.
        mask: (B, 1, H, W) bool, True where pixels may change; None for everywhere.

    Returns:
        Perturbations (B, C, H, W), zero where the mask is False.
    """
    rngs = [np.random.default_rng((seed, key, restart)) for key in keys]
    if mask is None:
        shape = inputs.shape[1:]
        noise = torch.stack([torch.from_numpy(threat.random(shape.numel(), rng)).view(shape) for rng in rngs])
        return noise.to(inputs)
    noise = torch.zeros(inputs.shape, dtype=torch.float64)
    for image, pixels, rng in zip(noise, mask.cpu().expand(inputs.shape), rngs, strict=True):
        count = int(pixels.sum())
        if count:
            image[pixels] = torch.from_numpy(threat.random(count, rng))
    return noise.to(inputs)
