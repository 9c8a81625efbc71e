"""FAB: the nearest adversarial image, rather than the worst one in a ball."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mmssl_robust.attacks.active import Iterates, only
from mmssl_robust.attacks.attack import Attack, Problem
from mmssl_robust.attacks.keywords import StopSettings
from mmssl_robust.attacks.objectives.base import ObjectiveValues
from mmssl_robust.attacks.objectives.margin import TargetedMargin
from mmssl_robust.utils.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Unpack


class FAB(Attack):
    """Fast adaptive boundary attack, targeted: steps to the linearised decision boundary, biased to the clean image.

    The boundary between the true class and a wrong one is linearised at the iterate; both the iterate and the clean
    image are projected to it within [0, 1], and the step goes between the two. From Croce & Hein, *Minimally distorted
    Adversarial Examples with a Fast Adaptive Boundary Attack*, ICML 2020. Each restart takes the next likely class, so
    that 9 restarts are the ``fab-t`` of AutoAttack. It needs no step size and no loss, which makes it hard to mislead
    by the scale of logits; within a fixed budget it is seldom the strongest.

    Args:
        norm: See :class:`Attack`.
        eps: Likewise; larger changes are tried and not reported.
        steps: Steps for each class, of two forwards and one backward: after a step that succeeds the search goes on
            from a part of the way back.
        restarts: How many wrong classes.
        overshoot: How far beyond the boundary a step goes, as a factor.
        bias: The largest weight of the clean image's projection.
        backward: What remains of a change that has succeeded when the search for a smaller one begins.
        **settings: See :class:`Attack`.

    Raises:
        UserError: If an argument is out of range.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import FAB
        >>> def net(x):  # which of the three colours is brightest
        ...     return x.mean(dim=(2, 3))
        >>> image = torch.tensor([0.50, 0.46, 0.10]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
        >>> result = FAB(eps='8/255', steps=10)(net, image, torch.tensor([0]))
        >>> result.success, result.norm.round(decimals=2)  # less red, more green, by 0.02 each
        (tensor([True]), tensor([0.0200]))
    """

    def __init__(
        self,
        norm: str = 'linf',
        eps: float | str = '8/255',
        steps: int = 100,
        restarts: int = 9,
        random_start: bool = False,
        overshoot: float = 1.05,
        bias: float = 0.1,
        backward: float = 0.9,
        **settings: 'Unpack[StopSettings]',
    ) -> None:
        super().__init__(TargetedMargin(), norm, eps, steps, random_start, restarts, **settings)
        if steps < 1 or overshoot < 1 or not 0 <= bias <= 1 or not 0 < backward <= 1:
            raise UserError(
                f'steps={steps}, overshoot={overshoot}, bias={bias}, backward={backward}: give at least 1 step, an '
                'overshoot of at least 1, a bias from 0 to 1, backward above 0 and at most 1'
            )
        self.overshoot, self.bias, self.backward = overshoot, bias, backward

    @property
    def passes(self) -> int:
        """How often an image goes through the model, forward or back, at most."""
        return self.eot_samples * self.restarts * (3 * self.steps + 1)

    def _iterates(self, problem: Problem, restart: int) -> Iterates:
        clean = problem.oracle.values(problem.inputs, problem.targets, self.steps)
        going = yield problem.inputs, clean
        problem, clean = only(going, problem, clean)
        adv = self._start(problem, restart)
        for step in range(1, self.steps + 1):
            grad, found = problem.oracle.gradient(adv, problem.targets, step, self.steps, problem.mask)
            going = yield self._within(problem, adv, clean, found)
            problem, clean, adv, grad, found = only(going, problem, clean, adv, grad, found)
            adv = self._ahead(problem.inputs, adv, grad, found.loss)
            found = problem.oracle.values(adv, problem.targets, self.steps)
            going = yield self._within(problem, adv, clean, found)
            problem, clean, adv, found = only(going, problem, clean, adv, found)
            back = problem.inputs + self.backward * (adv - problem.inputs)
            adv = torch.where(found.success[:, None, None, None], back, adv)

    def _ahead(self, inputs: Tensor, adv: Tensor, grad: Tensor, loss: Tensor) -> Tensor:
        """Eq. (9) of the paper: between the projections of the iterate and of the clean image."""
        # The boundary is where loss + <grad, z - adv> = 0.
        from_adv = to_plane(adv, grad, -loss, self.norm)
        from_clean = to_plane(inputs, grad, (grad * (adv - inputs)).flatten(1).sum(dim=1) - loss, self.norm)
        near, far = self.threat.size(from_adv), self.threat.size(from_clean)
        weight = (near / (near + far).clamp(min=1e-12)).clamp(max=self.bias)[:, None, None, None]
        ahead = adv + self.overshoot * from_adv
        biased = inputs + self.overshoot * from_clean
        return ((1 - weight) * ahead + weight * biased).clamp(0, 1)

    def _within(
        self, problem: Problem, adv: Tensor, clean: ObjectiveValues, found: ObjectiveValues
    ) -> tuple[Tensor, ObjectiveValues]:
        """The iterates that lie in the ball; for the others the clean images, which any attack may report."""
        inside = self.threat.size(adv - problem.inputs) <= self.eps
        images = torch.where(inside[:, None, None, None], adv, problem.inputs)
        return images, ObjectiveValues(*(torch.where(inside, new, old) for new, old in zip(found, clean)))


def to_plane(images: Tensor, normal: Tensor, offset: Tensor, norm: str) -> Tensor:
    """Smallest changes d of images with ``<normal, d> = offset`` that stay in [0, 1], exactly.

    Every entry goes the way that helps, until it meets 0 or 1. In linf all go equally fast; in l2 each as fast as its
    entry of the normal is large; in l1 one after the other, the largest entries first. Where no change within [0, 1]
    suffices, the one that comes nearest.

    Args:
        images: (B, C, H, W) in [0, 1].
        normal: (B, C, H, W).
        offset: (B,).
        norm: ``'linf'``, ``'l2'`` or ``'l1'``.

    Returns:
        (B, C, H, W).
    """
    flat, pixels = normal.flatten(1).double(), images.flatten(1).double()
    signs = flat.sign() * offset.sign()[:, None]
    room = torch.where(signs > 0, 1 - pixels, pixels) * (signs != 0)
    weight, wanted = flat.abs(), offset.abs()[:, None].double()
    distance = _one_by_one(weight, room, wanted) if norm == 'l1' else _together(weight, room, wanted, norm)
    return (signs * distance).to(images.dtype).view_as(images)


def _together(weight: Tensor, room: Tensor, wanted: Tensor, norm: str) -> Tensor:
    """Distances (B, N) ``min(t speed, room)`` with the t for which the weighted sum is as wanted."""
    speed = torch.ones_like(weight) if norm == 'linf' else weight
    ends = torch.where(weight > 0, room / speed.clamp(min=1e-300), 0)
    order = ends.argsort(dim=1)
    ends, gain, full = (part.gather(1, order) for part in (ends, weight * speed, weight * room))
    # At the k-th end, entries up to it have arrived and the others still move.
    moving = gain.flip(1).cumsum(dim=1).flip(1) - gain
    sums = full.cumsum(dim=1) + moving * ends
    arrived = (sums < wanted).sum(dim=1, keepdim=True)
    before = (arrived - 1).clamp(min=0)
    start = torch.where(arrived > 0, ends.gather(1, before), 0)
    begun = torch.where(arrived > 0, sums.gather(1, before), 0)
    rate = torch.where(arrived > 0, moving.gather(1, before), gain.sum(dim=1, keepdim=True))
    time = start + torch.where(rate > 0, (wanted - begun) / rate.clamp(min=1e-300), 0)
    return torch.minimum(time.clamp(min=0) * speed, room)


def _one_by_one(weight: Tensor, room: Tensor, wanted: Tensor) -> Tensor:
    """Distances (B, N): all the room of the largest weights, of the last one what is left."""
    order = weight.argsort(dim=1, descending=True)
    sorted_weight, full = weight.gather(1, order), (weight * room).gather(1, order)
    left = (wanted - (full.cumsum(dim=1) - full)).clamp(min=0)
    distance = torch.minimum(left, full) / sorted_weight.clamp(min=1e-300)
    return torch.zeros_like(distance).scatter(1, order, distance)
