"""Minimal perturbations: how little it takes, image by image."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from mmssl_robust.attack_settings import Kind
from mmssl_robust.attacks.active import Imagewise, Iterates, only
from mmssl_robust.attacks.attack import Attack, Problem
from mmssl_robust.attacks.best_iterates import BestIterates, NearestIterates
from mmssl_robust.attacks.keywords import Settings
from mmssl_robust.attacks.noise import random_start
from mmssl_robust.attacks.objectives.base import Objective
from mmssl_robust.utils.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Unpack

DOUBLINGS = 4
"""How often the first radius is doubled until it is the largest."""


class Minimal(Attack):
    """For each image the smallest perturbation found at which half of its quality is lost.

    PGD in a ball of the image's own: of ``eps / 16`` first, twice as large where its steps do not suffice, and from the
    first success on half-way between the largest radius that withstood and the smallest perturbation that did not.
    Every search goes on from where the one before ended. What half of a quality is, the objective says
    (:meth:`~.objectives.Objective.halved`): another class, half of the right pixels, twice the RMSE, an embedding
    turned by 60 degrees. The search is a bisection as in Carlini & Wagner, *Towards Evaluating the Robustness of Neural
    Networks*, 2017, over radii in place of their constant; the result is an upper bound of the distance.

    Of an image that falls, ``norm`` of the result is the size of the smallest perturbation, 0 where nothing is left
    without an attack; of one that does not, the best iterate in the largest ball is reported, and ``success`` is False.

    Args:
        objective: See :class:`Attack`, as all arguments that are not named here.
        norm: Likewise.
        eps: The largest radius that is tried.
        steps: How many steps an image has for each radius, each of one forward and one backward; an image that falls
            goes on with the next radius at once.
        search: How many radii are tried for each image, at least 5, which is how many the doubling may take.
        random_start: See :class:`Attack`.
        **settings: Likewise.

    Raises:
        UserError: If an argument is out of range.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import CrossEntropy, Minimal
        >>> def net(x):  # class 1 where the image is brighter than 0.5
        ...     return torch.stack([torch.full((len(x),), 0.5), x.mean(dim=(1, 2, 3))], dim=1)
        >>> images = torch.tensor([0.42, 0.52, 0.6, 0.9]).view(4, 1, 1, 1).expand(4, 3, 8, 8)
        >>> result = Minimal(CrossEntropy(), eps='32/255')(net, images, torch.tensor([1, 1, 1, 1]))
        >>> result.success, result.norm[:3].round(decimals=2)  # one is wrong as it is, one withstands 0.125
        (tensor([ True,  True,  True, False]), tensor([0.0000, 0.0200, 0.1000]))
    """

    FIXED = ('restarts', 'stop_at_success')
    kind: ClassVar[Kind] = 'minimal'

    def __init__(
        self,
        objective: Objective,
        norm: str = 'linf',
        eps: float | str = '32/255',
        steps: int = 20,
        search: int = 10,
        random_start: bool = True,
        **settings: 'Unpack[Settings]',
    ) -> None:
        # What falls is decided at every step, as where an image leaves at its success.
        super().__init__(objective, norm, eps, steps, random_start, restarts=1, stop_at_success=True, **settings)
        if steps < 1 or isinstance(search, bool) or not isinstance(search, int) or search <= DOUBLINGS:
            raise UserError(f'steps={steps}, search={search}: give at least 1 step, and at least {DOUBLINGS + 1} radii')
        if self.eps == 0:
            raise UserError('eps=0 leaves nothing to search: give the largest radius to try')
        self.search = search

    @property
    def passes(self) -> int:
        """How often an image goes through the model, forward or back, at most."""
        return self.eot_samples * (2 * self.steps * self.search + 3)

    def _restarted(self, problem: Problem) -> BestIterates:
        problem = replace(problem, targets=self.objective.aim(problem.targets, 0))
        clean = problem.oracle.values(problem.inputs, problem.targets, self.steps)
        fallen = self.objective.halved(clean, clean, problem.targets)
        kept = NearestIterates(problem.inputs, clean, fallen)
        places = (~fallen).nonzero()[:, 0]
        bracket = _Bracket.of(self.eps, len(places), problem.inputs)
        part, clean, adv = only(places, problem, clean, self._start(problem, 0))
        while len(places):
            grad, values = part.oracle.gradient(adv, part.targets, self.steps, self.steps, part.mask)
            fallen = self.objective.halved(values, clean, part.targets)
            sizes = self.threat.size(adv - part.inputs)
            kept.offer(places, adv, values, sizes, fallen)
            bracket.look(fallen, sizes, self.steps)
            going = bracket.going(self.search).nonzero()[:, 0]
            part, clean, bracket, places, adv, grad = only(going, part, clean, bracket, places, adv, grad)
            length = (bracket.radius * bracket.rate(self.steps))[:, None, None, None]
            adv = self.threat.nearest(part.inputs, adv + self.threat.ascent(grad, length), bracket.radius)
        return kept.as_best()

    def _start(self, problem: Problem, restart: int) -> Tensor:
        if not self.random_start:
            return problem.inputs
        first = self.threat.scaled(0.5**DOUBLINGS)
        noise = random_start(first, problem.inputs, problem.keys, self.seed, restart, problem.mask)
        return first.nearest(problem.inputs, problem.inputs + noise)

    def _iterates(self, problem: Problem, restart: int) -> Iterates:
        raise NotImplementedError('images have steps of their own')


@dataclass
class _Bracket(Imagewise):
    """Between which radii each image falls (B,), and which one is tried."""

    low: Tensor
    high: Tensor
    radius: Tensor
    tried: Tensor
    taken: Tensor
    eps: float

    @classmethod
    def of(cls, eps: float, images: int, like: Tensor) -> '_Bracket':
        zeros = like.new_zeros(images)
        count = zeros.long()
        return cls(zeros, zeros + torch.inf, zeros + eps / 2**DOUBLINGS, count, count.clone(), eps)

    def look(self, fallen: Tensor, sizes: Tensor, steps: int) -> None:
        """Take an iterate: what has fallen narrows its bracket from above, what has had its steps from below."""
        withstood = ~fallen & (self.taken >= steps)
        self.high = torch.where(fallen, torch.minimum(self.high, sizes), self.high)
        self.low = torch.where(withstood, torch.maximum(self.low, self.radius), self.low)
        self.tried = self.tried + (fallen | withstood)
        self.taken = torch.where(fallen | withstood, 0, self.taken) + 1
        following = torch.where(self.high.isinf(), 2 * self.low, (self.low + self.high) / 2)
        self.radius = torch.where(fallen | withstood, following, self.radius)

    def going(self, search: int) -> Tensor:
        """Whether an image has radii left to try."""
        within = self.radius <= self.eps * (1 + 1e-6)
        return (self.tried < search) & within & (self.low < self.high)

    def rate(self, steps: int) -> Tensor:
        """Length of the next step, as a share of the radius: from half of it down."""
        return 0.5 * (1 - (self.taken - 1) / steps).clamp(min=0.1)
