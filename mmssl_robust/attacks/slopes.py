"""Does a model's output change as its gradient says? Finite differences, which no gradient can deceive.

An attack climbs along ``J^T v``, with J the Jacobian of the model and v the derivative of the loss for its outputs.
Here v is held fast, so that corners of a loss (masks, weights without a gradient) do not matter, and changes of
``<v, outputs>`` are compared with what the gradient promises: along random signs, whose error is that of the gradient
as a vector however it is distributed, and along the signs of the gradient, where the change is far above rounding.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mmssl_robust.attacks.active import shares
from mmssl_robust.attacks.objectives.base import Forward, Objective
from mmssl_robust.attacks.oracle import forward_of
from mmssl_robust.attacks.upsampled import Outputs, Upsampled

DIRECTIONS = 4  # of random signs
RANDOM_STEPS = (4 / 255, 1 / 255, 1 / 4 / 255)  # noise moves outputs little: in large steps they are straight
OWN_STEPS = (1 / 255, 1 / 4 / 255, 1 / 16 / 255)  # and here they are not


def slope_errors(
    forward: Forward,
    objective: Objective,
    images: Tensor,
    targets: Tensor,
    step: int,
    steps: int,
    keys: Sequence[int],
    mask: Tensor | None = None,
    active: int | None = None,
) -> Tensor:
    """How far a model's gradient is from the changes of its outputs, beyond what the changes leave open.

    The error of two vectors a and b is ``|a - b| / sqrt((|a|^2 + |b|^2) / 2)``: 0 where they agree, 1.4 where one is
    zero, 2 where one is the other turned round. With a share s of the gradient's energy turned round it is
    ``2 sqrt(s)``. Subtracted is by how much what is not explained differs between a step and a fourth of it: rounding,
    curvature, coarse levels and chance of the model change with the step, and are held against nobody; a wrong gradient
    does not.

    Args:
        forward: The model.
        objective: Its loss chooses v.
        images: Where to look (B, C, H, W), in [0, 1].
        targets: As the objective's ``aim`` returned them.
        step: Number of the attack's step that is looked at, from 1.
        steps: How many it takes.
        keys: A number for each image, from which its random signs follow.
        mask: (B, 1, H, W), where pixels may change; None for everywhere.
        active: How many images are in the model at once; None for all.

    Returns:
        The larger error of the two kinds of directions (B,), at least 0.
    """
    parts = shares(len(images), active, images.device) or (torch.arange(len(images), device=images.device),)
    errors = []
    for part in parts:
        places = part.tolist()
        allowed = torch.ones_like(images[part]) if mask is None else mask[part].expand_as(images[part]).to(images.dtype)
        line = _Line(forward_of(forward, part), objective, images[part], targets[part], step, steps)
        signs = _signs(images[part], [keys[place] for place in places]) * allowed
        random = line.error(list(signs), RANDOM_STEPS)
        errors.append(torch.maximum(random, line.error([line.grad.sign() * allowed], OWN_STEPS)))
    return torch.cat(errors)


class _Line:
    """The model near some images, as a number that is linear in its outputs."""

    def __init__(
        self, forward: Forward, objective: Objective, images: Tensor, targets: Tensor, step: int, steps: int
    ) -> None:
        self.forward, self.images = forward, images
        with torch.enable_grad():
            images = images.detach().clone().requires_grad_()
            outputs = forward(images)
            low = _low(outputs)
            leaf = (low if low.dtype == torch.float64 else low.float()).detach().requires_grad_()
            given = replace(outputs, low=leaf) if isinstance(outputs, Upsampled) else leaf
            loss = objective.values(given, targets, step, steps).loss
            (weights,) = torch.autograd.grad(loss.sum(), leaf)
            # Of an image whose loss is saturated v is tiny, and rounds to nothing on its way back.
            largest = weights.abs().reshape(len(weights), -1).amax(dim=1).view(-1, *[1] * (weights.ndim - 1))
            self.weights = torch.where(largest > 0, weights / largest.where(largest > 0, largest.new_ones(())), 0)
            (grad,) = torch.autograd.grad(low, images, self.weights.to(low.dtype), allow_unused=True)
        self.grad = torch.zeros_like(self.images) if grad is None else grad.detach()

    @torch.no_grad()
    def error(self, directions: Sequence[Tensor], steps: Sequence[float]) -> Tensor:
        """The least error over neighbouring steps (B,), beyond what differs between them."""
        changes, gaps = [], []
        for size in steps:
            found = [self._change(way, size) for way in directions]
            change, promise = (torch.stack(part, dim=1) / size for part in zip(*found))
            changes.append(torch.stack([change, promise]))
            gaps.append(change - promise)
        errors = [_share(gap, change) for gap, change in zip(gaps, changes)]
        beyond = [
            torch.minimum(errors[place], errors[place + 1]) - _share(gaps[place] - gaps[place + 1], changes[place])
            for place in range(len(steps) - 1)
        ]
        return torch.stack(beyond).amin(dim=0).clamp(min=0).to(self.images.dtype)

    def _change(self, way: Tensor, size: float) -> tuple[Tensor, Tensor]:
        """How much the outputs change along a direction, and how much of that the gradient knows of (B,), float64."""
        ahead, back = ((self.images + side * size * way).clamp(0, 1) for side in (1, -1))
        change = _low(self.forward(ahead)).double() - _low(self.forward(back)).double()
        return _sum(self.weights, change), _sum(self.grad, ahead.double() - back.double())


def _share(gap: Tensor, changes: Tensor) -> Tensor:
    """Length of gaps (B, K) over the root mean square of those of two vectors (2, B, K); 0 where there is nothing."""
    length = changes.square().sum(dim=2).mean(dim=0).sqrt()
    return torch.where(length > 0, gap.square().sum(dim=1).sqrt() / length.clamp(min=1e-300), 0)


def _sum(weights: Tensor, values: Tensor) -> Tensor:
    return (weights.double() * values).reshape(len(values), -1).sum(dim=1)  # an output may be one number


def _low(outputs: Outputs) -> Tensor:
    return outputs.low if isinstance(outputs, Upsampled) else outputs


def _signs(images: Tensor, keys: Sequence[int]) -> Tensor:
    """Random signs (DIRECTIONS, B, C, H, W), the same for an image in any batch."""
    shape = (DIRECTIONS, *images.shape[1:])
    signs = [np.random.default_rng((key, 2)).choice([-1.0, 1.0], shape) for key in keys]
    return torch.from_numpy(np.stack(signs, axis=1)).to(images)
