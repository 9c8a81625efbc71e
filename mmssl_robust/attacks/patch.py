"""A patch: a square of the image that may become anything."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from mmssl_robust.attack_settings import Kind
from mmssl_robust.attacks.active import Iterates, only
from mmssl_robust.attacks.attack import Attack, Problem
from mmssl_robust.attacks.keywords import StartStopSettings
from mmssl_robust.attacks.noise import random_start
from mmssl_robust.attacks.objectives.base import Forward, Objective
from mmssl_robust.attacks.patch_places import Position, places_of, pulled_back, still, turned
from mmssl_robust.attacks.result import AttackResult
from mmssl_robust.attacks.threat_models import L0
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import parse_number

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Patch(Attack):
    """Gradient ascent on the pixels of a square, which may take any value; the rest of the image stays as it is.

    From Brown et al., *Adversarial Patch*, 2017, made anew for each image, which is the worst case of it. The square's
    place is random, from seed and image alone; with ``restarts`` each image meets the worst of so many places. What is
    predicted for the pixels of the patch itself says nothing: maps of classes or depth are attacked outside it, and its
    ``region`` is part of the result, so that they are judged outside it, too.

    With ``rotation`` or ``scale`` the patch is turned and shrunk at random, anew at every step, within its square, so
    that it works in any position (expectation over transformation, Athalye et al., ICML 2018). Reported is then the
    last one in a position that no step has seen.

    Args:
        objective: See :class:`Attack`, as all arguments that are not named here.
        eps: Share of the image's area that the square covers, at most; with 1 all of it.
        step_size: By how much a step changes each pixel of the patch, for pixels in [0, 1].
        steps: How many steps, of one forward and one backward.
        momentum: Share of the past directions that a step keeps, as of :class:`PGD`.
        rotation: By how many degrees the patch is turned at most, either way.
        scale: By which share of its side it shrinks at most, below 1.
        **settings: See :class:`Attack`; ``restarts`` are places.

    Raises:
        UserError: If an argument is out of range.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import CrossEntropy, Patch
        >>> def net(x):  # class 1 where the image is brighter than 0.5
        ...     return torch.stack([torch.full((len(x),), 0.5), x.mean(dim=(1, 2, 3))], dim=1)
        >>> image = torch.full((1, 3, 8, 8), 0.6)
        >>> result = Patch(CrossEntropy(), eps=0.25)(net, image, torch.tensor([1]))
        >>> result.region.sum(), result.success  # 16 of 64 pixels become black: 0.75 x 0.6 = 0.45
        (tensor(16), tensor([True]))
        >>> result.adv.unique()
        tensor([0.0000, 0.6000])
    """

    kind: ClassVar[Kind] = 'patch'

    FIXED = ('norm',)

    def __init__(
        self,
        objective: Objective,
        eps: float | str = 0.05,
        step_size: float | str = 0.05,
        steps: int = 100,
        momentum: float = 0.9,
        rotation: float = 0.0,
        scale: float = 0.0,
        **settings: 'Unpack[StartStopSettings]',
    ) -> None:
        super().__init__(objective, 'linf', 1.0, steps, **settings)
        self.threat, self.norm = L0(eps), 'l0'
        self.eps = self.threat.eps
        self._texts.update(eps=eps, step_size=step_size)
        self.step_size = parse_number(step_size, 'step_size')
        self.momentum = parse_number(momentum, 'momentum')
        self.rotation, self.scale = parse_number(rotation, 'rotation'), parse_number(scale, 'scale')
        if self.step_size <= 0 or self.momentum < 0:
            raise UserError(f'step_size={step_size}, momentum={momentum}: give a step above 0, no negative momentum')
        if not 0 <= self.rotation <= 180 or not 0 <= self.scale < 1:
            raise UserError(f'rotation={rotation}, scale={scale}: give 0 to 180 degrees, a share from 0 to below 1')

    def __call__(
        self,
        forward: Forward,
        inputs: Tensor,
        targets: Tensor | None = None,
        keys: Sequence[int] | None = None,
        mask: Tensor | None = None,
        start: Tensor | None = None,
    ) -> AttackResult:
        """Attack a batch of images, see :meth:`Attack.__call__`; the result says where each patch is."""
        result = super().__call__(forward, inputs, targets, keys, mask, start)
        keys = list(range(len(inputs))) if keys is None else list(keys)
        return replace(result, region=self._region(inputs, keys, mask, result.restart.tolist()))

    def _region(self, inputs: Tensor, keys: Sequence[int], mask: Tensor | None, restarts: Sequence[int]) -> Tensor:
        return places_of(inputs, self.eps, [(self.seed, *pair) for pair in zip(keys, restarts)], mask)

    def _posed(self, problem: Problem, restart: int) -> Problem:
        problem = super()._posed(problem, restart)
        region = self._region(problem.inputs, problem.keys, problem.mask, [restart] * len(problem.keys))
        targets = problem.targets
        if self.objective.reads == 'prediction' and targets.ndim > 2:
            maps = problem.oracle.region_of_maps(region, targets.shape[-2:])
            targets = self.objective.outside(targets, maps)
        return replace(problem, targets=targets, mask=region)

    def _start(self, problem: Problem, restart: int) -> Tensor:
        if problem.start is not None and restart == 0:
            return torch.where(region_of(problem), problem.start, problem.inputs)
        if not self.random_start:
            return problem.inputs
        noise = random_start(self.threat, problem.inputs, problem.keys, self.seed, restart, problem.mask)
        return torch.where(region_of(problem), noise, problem.inputs)

    def _iterates(self, problem: Problem, restart: int) -> Iterates:
        patch, past = self._start(problem, restart), None
        for step in range(1, self.steps + 1):
            place = self._position(problem, restart, step)
            grad, values = problem.oracle.gradient(place(patch), problem.targets, step, self.steps, problem.mask)
            if place is still:
                going = yield patch, values
                problem, patch, grad, past = only(going, problem, patch, grad, past)
            past = self._direction(pulled_back(place, patch, grad) * region_of(problem), past)
            patch = (patch + self.threat.ascent(past, self.step_size)).clamp(0, 1)
        adv = self._position(problem, restart, 0)(patch)
        yield adv, problem.oracle.values(adv, problem.targets, max(self.steps, 1))

    def _position(self, problem: Problem, restart: int, step: int) -> Position:
        """How images with the patch upright become images with it as it lies at a step; 0 for the one reported."""
        if not self.rotation and not self.scale:
            return still
        seeds = [(self.seed, key, restart, step) for key in problem.keys]
        return turned(problem.inputs, region_of(problem), seeds, self.rotation, self.scale)

    def _direction(self, grad: Tensor, past: Tensor | None) -> Tensor:
        scale = grad.abs().mean(dim=(1, 2, 3), keepdim=True)
        grad = torch.where(scale == 0, grad, grad / scale)
        return grad if past is None else self.momentum * past + grad


def region_of(problem: Problem) -> Tensor:
    """The places (B, 1, H, W) of the patches in a problem that :meth:`Patch._posed` has made."""
    assert problem.mask is not None
    return problem.mask
