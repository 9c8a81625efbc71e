"""Auto-PGD: gradient ascent with momentum whose step size follows from its progress."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mmssl_robust.attacks.active import Imagewise, Iterates, only
from mmssl_robust.attacks.attack import Attack, Problem
from mmssl_robust.attacks.best_iterates import BestIterates
from mmssl_robust.attacks.keywords import StartStopSettings
from mmssl_robust.attacks.objectives.base import Objective, ObjectiveValues
from mmssl_robust.attacks.threat_models import L1, ThreatModel
from mmssl_robust.attacks.threat_models.l1 import sparse_direction
from mmssl_robust.utils.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Unpack

Stages = Sequence[tuple[float, float]]

WHOLE: Stages = ((1.0, 1.0),)
"""All steps in the ball of eps."""
SEA_STAGES: Stages = ((0.3, 2.0), (0.3, 1.5), (0.4, 1.0))
"""Shares of the steps and factors of eps of Croce et al. 2024 (segmentation)."""
L1_STAGES: Stages = ((0.3, 3.0), (0.3, 2.0), (0.4, 1.0))
"""Those of Croce & Hein 2021 for l1."""


class APGD(Attack):
    """Auto-PGD, which has no step size to choose.

    It begins with steps of 2 eps and halves an image's step, going back to its best iterate, at a checkpoint where the
    loss has not risen often enough, or has brought no new best. From Croce & Hein, *Reliable evaluation of adversarial
    robustness with an ensemble of diverse parameter-free attacks*, ICML 2020; for l1, where steps change few entries
    and their share follows from the best iterate, from Croce & Hein, *Mind the box*, ICML 2021.

    Args:
        objective: See :class:`Attack`, as all arguments that are not named here.
        norm: Likewise.
        eps: Likewise.
        steps: How many steps; each costs one forward and one backward.
        stages: Shares of the steps and the factors of eps that they are done with, the last of them 1: a larger ball
            first, whose best iterate, projected, is the start in the next. Only those of the last stage count.
        rho: Share of the steps between two checkpoints that must raise the loss.
        momentum: Weight of the new step against the one before.
        **settings: See :class:`Attack`.

    Raises:
        UserError: If an argument is out of range.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import APGD, DLR
        >>> def net(x):  # which of the three colours is brightest
        ...     return x.mean(dim=(2, 3))
        >>> image = torch.tensor([0.50, 0.46, 0.10]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
        >>> for eps in (0.19, 0.25):  # less red, more green: sqrt(2 x 64) x 0.02 = 0.23 is as far as it takes
        ...     print(APGD(DLR(), norm='l2', eps=eps, steps=20)(net, image, torch.tensor([0])).success)
        tensor([False])
        tensor([True])
    """

    def __init__(
        self,
        objective: Objective,
        norm: str = 'linf',
        eps: float | str = '8/255',
        steps: int = 100,
        stages: Stages = WHOLE,
        rho: float = 0.75,
        momentum: float = 0.75,
        **settings: 'Unpack[StartStopSettings]',
    ) -> None:
        super().__init__(objective, norm, eps, steps, **settings)
        if steps < 1:
            raise UserError(f'steps={steps}: APGD needs at least 1')
        shares, factors = zip(*stages)
        if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6 or min(factors) < 1 or factors[-1] != 1:
            raise UserError(
                f'stages={tuple(stages)}: give pairs of a share and a factor; the shares add up to 1, '
                'no factor is below 1, the last is 1'
            )
        for name, value in dict(rho=rho, momentum=momentum).items():
            if not 0 < value <= 1:
                raise UserError(f'{name}={value}: give a number above 0 and at most 1')
        self.stages = tuple(stages)
        self.rho = rho
        self.momentum = momentum

    def _iterates(self, problem: Problem, restart: int) -> Iterates:
        start, done = self._start(problem, restart), 0
        for number, (threat, steps) in enumerate(self._plan(), 1):
            adv, kept = threat.nearest(problem.inputs, start), BestIterates()
            pace = self._pace(threat, adv, problem.inputs, fresh=number == 1)
            iterates = self._ascend(problem, pace, adv, range(done + 1, done + steps + 1))
            if number == len(self.stages):
                yield from iterates
                return
            for iterate, values in iterates:
                kept.offer(iterate, values, restart)
            start, done = kept.adv, done + steps

    def _plan(self) -> list[tuple[ThreatModel, int]]:
        """Each stage's ball and number of steps, of which the last has what remains."""
        counts = [int(share * self.steps) for share, _ in self.stages[:-1]]
        counts.append(self.steps - sum(counts))
        return [(self.threat.scaled(factor), steps) for (_, factor), steps in zip(self.stages, counts)]

    def _pace(self, threat: ThreatModel, adv: Tensor, inputs: Tensor, fresh: bool) -> '_Pace | _SparsePace':
        return _SparsePace(threat, adv, inputs, fresh) if isinstance(threat, L1) else _Pace(threat, adv, self.momentum)

    def _ascend(self, problem: Problem, pace: '_Pace | _SparsePace', adv: Tensor, steps: range) -> Iterates:
        """Yield the start and the iterate of each step."""
        grad, values = self._look(problem, adv, steps.start)
        going = yield adv, values
        problem, pace, adv, grad, loss = only(going, problem, pace, adv, grad, values.final_loss)
        best = _Best(adv.clone(), grad.clone(), loss.clone())
        rises, since, previous = torch.zeros_like(loss), 0, loss
        checkpoints = iter(checkpoints_of(len(steps), pace.first, pace.shrink, pace.least))
        checkpoint = next(checkpoints, None)
        for number, step in enumerate(steps, 1):
            adv = pace.step(problem.inputs, adv, grad)
            if number == len(steps):
                yield adv, problem.oracle.values(adv, problem.targets, self.steps)
                return
            grad, values = self._look(problem, adv, step + 1)
            going = yield adv, values
            problem, pace, best, rises, previous = only(going, problem, pace, best, rises, previous)
            adv, grad, loss = only(going, adv, grad, values.final_loss)
            rises, since, previous = rises + (loss > previous), since + 1, loss
            best.update(adv, grad, loss)
            if number == checkpoint:
                back = pace.adapt(best, problem.inputs, rises < self.rho * since)[:, None, None, None]
                adv, grad = torch.where(back, best.adv, adv), torch.where(back, best.grad, grad)
                rises, since, checkpoint = torch.zeros_like(rises), 0, next(checkpoints, None)

    def _look(self, problem: Problem, adv: Tensor, step: int) -> tuple[Tensor, ObjectiveValues]:
        return problem.oracle.gradient(adv, problem.targets, min(step, self.steps), self.steps, problem.mask)


@dataclass
class _Best(Imagewise):
    """The iterate of the highest loss, image by image, with its gradient."""

    adv: Tensor
    grad: Tensor
    loss: Tensor

    def update(self, adv: Tensor, grad: Tensor, loss: Tensor) -> None:
        better = loss > self.loss
        wide = better[:, None, None, None]
        self.adv, self.grad = torch.where(wide, adv, self.adv), torch.where(wide, grad, self.grad)
        self.loss = torch.where(better, loss, self.loss)


class _Pace(Imagewise):
    """Steps with momentum, whose length is halved image by image (Algorithm 1 of Croce & Hein 2020)."""

    first, shrink, least = 0.22, 0.03, 0.06

    def __init__(self, threat: ThreatModel, adv: Tensor, momentum: float) -> None:
        self.threat = threat
        self.momentum = momentum
        self.past: Tensor | None = None
        self.length = adv.new_full((len(adv), 1, 1, 1), 2 * threat.eps)
        self.halved = torch.ones(len(adv), dtype=torch.bool, device=adv.device)
        self.best_before: Tensor | None = None

    def step(self, inputs: Tensor, adv: Tensor, grad: Tensor) -> Tensor:
        """Return the next iterate (B, C, H, W)."""
        ahead = self.threat.nearest(inputs, adv + self.threat.ascent(grad, self.length))
        if self.past is not None:
            mixed = adv + self.momentum * (ahead - adv) + (1 - self.momentum) * (adv - self.past)
            ahead = self.threat.nearest(inputs, mixed)
        self.past = adv
        return ahead

    def adapt(self, best: _Best, inputs: Tensor, slow: Tensor) -> Tensor:
        """Halve the steps where progress was slow, or nothing has come of unchanged steps; return where (B,)."""
        stuck = torch.zeros_like(slow) if self.best_before is None else ~self.halved & (self.best_before >= best.loss)
        halve = slow | stuck
        self.length = torch.where(halve[:, None, None, None], self.length / 2, self.length)
        self.halved, self.best_before = halve, best.loss
        return halve


class _SparsePace(Imagewise):
    """Steps in l1 that change few entries (Algorithm 2 of Croce & Hein 2021)."""

    first, shrink, least = 0.04, 0.0, 0.04
    SPARSER, SETTLED, SHORTEST, DENSITY = 1.5, 0.95, 0.1, 0.2

    def __init__(self, threat: L1, adv: Tensor, inputs: Tensor, fresh: bool) -> None:
        self.threat = threat
        self.entries = adv[0].numel()
        self.length = adv.new_full((len(adv), 1, 1, 1), threat.eps)
        if fresh:
            self.changed = adv.new_full((len(adv),), self.entries)
            self.density = adv.new_full((len(adv),), self.DENSITY)
        else:
            self.changed = _changed(adv, inputs)
            self.density = self.changed / self.entries / self.SPARSER

    def step(self, inputs: Tensor, adv: Tensor, grad: Tensor) -> Tensor:
        """Return the next iterate (B, C, H, W)."""
        return self.threat.nearest(inputs, adv + self.length * sparse_direction(grad, self.density))

    def adapt(self, best: _Best, inputs: Tensor, slow: Tensor) -> Tensor:
        """Take the density from the best iterate; shorten the steps where that has settled, else begin anew."""
        changed = _changed(best.adv, inputs)
        anew = changed < self.SETTLED * self.changed
        longest = torch.full_like(self.length, self.threat.eps)
        shorter = (self.length / self.SPARSER).clamp(min=self.threat.eps * self.SHORTEST)
        self.length = torch.where(anew[:, None, None, None], longest, shorter)
        self.density = changed / self.entries / self.SPARSER
        self.changed = changed
        return anew


def _changed(images: Tensor, inputs: Tensor) -> Tensor:
    """How many entries of each image differ (B,)."""
    return (images != inputs).flatten(1).sum(dim=1).to(images.dtype)


def checkpoints_of(steps: int, first: float, shrink: float, least: float) -> Iterator[int]:
    """Yield the steps after which progress is judged: intervals as shares of all steps, each shorter than the last."""
    interval = max(int(first * steps), 1)
    place = interval
    while place < steps:
        yield place
        interval = max(interval - max(int(shrink * steps), 1 if shrink else 0), int(least * steps), 1)
        place += interval
