"""What all objectives for depth share."""

import torch
from torch import Tensor

from .base import Forward, Objective


class DepthObjective(Objective):
    """A loss on depth in metres (B, 1, H, W).

    Targets have the same shape; a target counts where ``min_depth < target < max_depth``. An image without such a
    pixel has loss and gradient zero.

    Score: minus the RMSE over valid pixels. Success: fewer than half of the valid pixels are within a factor of 1.25
    (delta1 below 0.5). Without a valid pixel the score is 0 and nothing succeeds.

    Args:
        min_depth: Depth in metres up to which a target is missing; None for that of the data set, 0.001 without one.
        max_depth: Depth in metres from which a target is not trusted; likewise, 10.

    Raises:
        UserError: Unless ``0 <= min_depth < max_depth``.
    """

    min_depth: float
    max_depth: float

    def __init__(self, min_depth: float | None = None, max_depth: float | None = None) -> None:
        self.keep_thresholds(min_depth=min_depth, max_depth=max_depth)

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Demand one depth map for each image."""
        targets = super().prepare(forward, inputs, targets)
        if targets.ndim != 4 or targets.shape[1] != 1:
            raise ValueError(f'{type(self).__name__} needs targets (B, 1, H, W), got {tuple(targets.shape)}')
        # What is not finite would reach the gradient although it has no weight: NaN times 0 is NaN.
        return torch.where(self.valid(targets), targets, 0)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return minus the RMSE in metres."""
        return -self.mean((outputs - targets).square(), targets).sqrt()

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether delta1 is below 0.5."""
        near = torch.maximum(outputs / targets, targets / outputs) < 1.25
        valid = self.valid(targets)
        return 2 * (near & valid).sum(dim=(1, 2, 3)) < valid.sum(dim=(1, 2, 3))

    def broken(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether the RMSE is at least that of the best constant, and delta1 at most 0.2."""
        mean = self.mean(targets, targets)[:, None, None, None]
        spread = self.mean((targets - mean).square(), targets).sqrt()
        near = torch.maximum(outputs / targets, targets / outputs) < 1.25
        return (-self.score(outputs, targets) >= spread) & (self.mean(near.to(outputs.dtype), targets) <= 0.2)

    def flat(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return whether no pixel is valid."""
        return ~self.valid(targets).flatten(1).any(dim=1)

    def outside(self, targets: Tensor, region: Tensor) -> Tensor:
        """Return targets with no depth, 0, in a region."""
        return torch.where(region, 0, targets)

    def chance(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return minus the root mean square error, were the depths of the valid pixels in random order.

        NaN where all targets are equal.
        """
        means = [self.mean(depth, targets) for depth in (outputs, targets)]
        guess, truth = (
            self.mean((depth - mean[:, None, None, None]).square(), targets)
            for depth, mean in zip((outputs, targets), means)
        )
        error = (guess + truth + (means[0] - means[1]).square()).sqrt()
        return torch.where(truth > 0, -error, torch.nan)

    def valid(self, targets: Tensor) -> Tensor:
        """Return where a target counts (B, 1, H, W)."""
        return (targets > self.min_depth) & (targets < self.max_depth)

    def mean(self, values: Tensor, targets: Tensor) -> Tensor:
        """Return the mean of (B, 1, H, W) over each image's valid pixels, 0 without one."""
        valid = self.valid(targets)
        total = torch.where(valid, values, torch.zeros_like(values)).sum(dim=(1, 2, 3))
        return total / valid.sum(dim=(1, 2, 3)).clamp(min=1)


def check_shapes(outputs: Tensor, targets: Tensor) -> None:
    """Raise a ValueError unless there is a target for each output."""
    if outputs.shape != targets.shape:
        raise ValueError(f'depth {tuple(outputs.shape)}, but targets are {tuple(targets.shape)}')
