"""The threat model of sparse changes, whose ball and the images' range have corners in common."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmssl_robust.attack_settings import SLACK
from mmssl_robust.utils.errors import UserError

from .base import ThreatModel


class L1(ThreatModel):
    """The absolute changes of an image's entries add up to at most ``eps``.

    Most of such a ball lies outside [0, 1], so projections are to what the two have in common, as in Croce & Hein,
    *Mind the box: l1-APGD for sparse adversarial attacks on image classifiers*, ICML 2021.

    Args:
        eps: Radius of the ball, such as 12 for images of 32 x 32 pixels.
        density: Share of an image's entries that a step changes.

    Raises:
        UserError: If the radius is negative, or the share not in (0, 1].

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import L1
        >>> delta = torch.tensor([0.5, -0.3, 0.1]).view(1, 3, 1, 1)
        >>> L1(0.4).project(delta).flatten(), L1(1).size(delta)  # all by 0.2, those below it to 0
        (tensor([ 0.3000, -0.1000,  0.0000]), tensor([0.9000]))
    """

    slack = SLACK['l1']

    def __init__(self, eps: float | str, density: float = 0.05) -> None:
        super().__init__(eps)
        if not 0 < density <= 1:
            raise UserError(f'density={density}: give the share of entries that a step changes, above 0 and at most 1')
        self.density = density

    def scaled(self, factor: float) -> 'L1':
        """Return the ball whose radius is larger by a factor."""
        return L1(factor * self.eps, self.density)

    def project(self, delta: Tensor, radii: Tensor | None = None) -> Tensor:
        """Shrink every entry by the same amount, those that are smaller to 0."""
        return shrink(delta, delta.new_tensor(torch.inf).expand_as(delta), self._limit(radii))

    def nearest(self, inputs: Tensor, images: Tensor, radii: Tensor | None = None) -> Tensor:
        """Return the nearest images (B, C, H, W) that lie both in the ball around ``inputs`` and in [0, 1]."""
        delta = images - inputs
        room = torch.where(delta > 0, 1 - inputs, inputs)
        return (inputs + shrink(delta, room, self._limit(radii))).clamp(0, 1)

    def _limit(self, radii: Tensor | None) -> float | Tensor:
        return self.eps if radii is None else radii[:, None].double()

    def ascent(self, grad: Tensor, step_size: float | Tensor) -> Tensor:
        """Return a step whose length is shared by the entries of the largest gradients.

        The steepest step would change a single entry; see Tramer & Boneh, *Adversarial Training and Robustness for
        Multiple Perturbations*, NeurIPS 2019.
        """
        return step_size * sparse_direction(grad, grad.new_full((len(grad),), self.density))

    def size(self, delta: Tensor) -> Tensor:
        """Return the sum of the absolute entries."""
        return delta.abs().sum(dim=(1, 2, 3))

    def random(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw numbers of random sign whose magnitudes and their distance to the radius share the radius uniformly."""
        shares = rng.exponential(size=count + 1)
        return self.eps * rng.choice([-1.0, 1.0], count) * shares[:count] / float(shares.sum())


def sparse_direction(grad: Tensor, density: Tensor) -> Tensor:
    """Signs of the largest entries of gradients (B, C, H, W), a share (B,) of all, divided by their number."""
    flat = grad.flatten(1)
    count = (density * flat.shape[1]).long().clamp(1, flat.shape[1])
    ranks = flat.abs().sort(dim=1, descending=True).values
    threshold = ranks.gather(1, count[:, None] - 1)
    signs = torch.where(flat.isnan(), flat, flat.sign()) * ~(flat.abs() < threshold)
    return (signs / signs.abs().sum(dim=1, keepdim=True).clamp(min=1)).view_as(grad)


def shrink(delta: Tensor, room: Tensor, eps: float | Tensor) -> Tensor:
    """Nearest changes (B, C, H, W) to ``delta`` with a sum of magnitudes of at most ``eps``, none above its room.

    The solution is ``sign(d) min(max(|d| - t, 0), room)`` with the smallest t >= 0 for which the sum fits. The sum is
    piecewise linear in t, with corners at ``|d|`` and ``|d| - room``: sorted, they give t without iteration.
    """
    magnitude, limit = delta.flatten(1).abs().double(), room.flatten(1).double()
    corners = torch.cat([magnitude, magnitude - limit], dim=1).clamp(min=0)
    steps = torch.cat([torch.ones_like(magnitude), -torch.ones_like(magnitude)], dim=1)
    order = corners.argsort(dim=1, descending=True)
    corners, slopes = corners.gather(1, order), steps.gather(1, order).cumsum(dim=1)
    falls = (corners[:, :-1] - corners[:, 1:]) * slopes[:, :-1]
    sums = torch.cat([torch.zeros_like(falls[:, :1]), falls.cumsum(dim=1)], dim=1)  # at each corner
    last = (sums <= eps).sum(dim=1, keepdim=True) - 1
    slope = slopes.gather(1, last)
    beyond = torch.where(slope > 0, (eps - sums.gather(1, last)) / slope.clamp(min=1), torch.inf)
    threshold = (corners.gather(1, last) - beyond).clamp(min=0)
    kept = torch.minimum((magnitude - threshold).clamp(min=0), limit)
    return (kept.to(delta.dtype).view_as(delta)) * delta.sign()
