"""Square: random search that looks at the loss alone, never at a gradient."""

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmssl_robust.attacks.active import Iterates, only
from mmssl_robust.attacks.attack import Attack, Problem
from mmssl_robust.attacks.keywords import StartSettings
from mmssl_robust.attacks.objectives.base import Objective, ObjectiveValues
from mmssl_robust.utils.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Unpack

Delta = NDArray[np.float64]

# From which share of the queries on, by what the area of a square is divided (Andriushchenko et al. 2020, Sec. 3).
_HALVINGS = ((0.001, 2), (0.005, 4), (0.02, 8), (0.05, 16), (0.1, 32), (0.2, 64), (0.4, 128), (0.6, 256), (0.8, 512))


class Square(Attack):
    """Random search over squares of shrinking size; a change stays if it raises the loss.

    As it needs no gradient, it breaks models whose gradient is masked: where it beats a white-box attack, that attack
    is broken. From Andriushchenko et al., *Square Attack: a query-efficient black-box adversarial attack via random
    search*, ECCV 2020; for l1 as in Croce & Hein, *Mind the box*, ICML 2021.

    Args:
        objective: What to maximise; AutoAttack takes :class:`Margin`.
        norm: See :class:`Attack`.
        eps: Likewise.
        queries: How often each image goes through the model, at most.
        area: Share of the image that the first squares cover.
        stop_at_success: Spend no more queries on an image once its attack has succeeded.
        **settings: See :class:`Attack`.

    Raises:
        UserError: If an argument is out of range.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import Margin, Square
        >>> def net(x):  # class 1 where the image is brighter than 0.5; no gradient comes through the rounding
        ...     levels = (255 * x).round() / 255
        ...     return torch.stack([torch.full((len(x),), 0.5), levels.mean(dim=(1, 2, 3))], dim=1)
        >>> images = torch.tensor([0.51, 0.6]).view(2, 1, 1, 1).expand(2, 3, 8, 8)
        >>> Square(Margin(), eps='8/255', queries=100)(net, images, torch.tensor([1, 1])).success
        tensor([ True, False])
    """

    FIXED = ('steps',)

    def __init__(
        self,
        objective: Objective,
        norm: str = 'linf',
        eps: float | str = '8/255',
        queries: int = 5000,
        area: float = 0.8,
        stop_at_success: bool = True,
        **settings: 'Unpack[StartSettings]',
    ) -> None:
        super().__init__(objective, norm, eps, queries, stop_at_success=stop_at_success, **settings)
        if queries < 1 or not 0 < area <= 1:
            raise UserError(f'queries={queries} and area={area}: give at least 1 query and an area above 0, at most 1')
        self.area = area
        self.queries = queries

    @property
    def passes(self) -> int:
        """How often an image goes through the model, at most."""
        return self.eot_samples * self.restarts * self.steps

    def _iterates(self, problem: Problem, restart: int) -> Iterates:
        rngs = [np.random.default_rng((self.seed, key, restart, 1)) for key in problem.keys]
        moves = _Signs(self.eps) if self.norm == 'linf' else _Mass(self.eps, power=int(self.norm[1]))
        shape = tuple(problem.inputs.shape[1:])
        deltas = [moves.begin(rng, shape, self._side(0, shape)) for rng in rngs]
        adv = self._images(problem, deltas)
        best = problem.oracle.values(adv, problem.targets, self.steps)
        going = yield adv, best
        for query in range(1, self.steps):
            rngs = rngs if going is None else [rngs[row] for row in going.tolist()]
            problem, adv, best = only(going, problem, adv, best)
            deltas, side = (adv - problem.inputs).cpu().double().numpy(), self._side(query, shape)
            tried = self._images(problem, [moves.propose(rng, delta, side) for rng, delta in zip(rngs, deltas)])
            found = problem.oracle.values(tried, problem.targets, self.steps)
            # All that was tried may be reported, by its score: the search goes on from the highest loss.
            going = yield tried, found
            better = (found.final_loss > best.final_loss) | (found.success & ~best.success)
            adv = torch.where(better[:, None, None, None], tried, adv)
            best = ObjectiveValues(*(torch.where(better, new, old) for new, old in zip(found, best)))

    def _images(self, problem: Problem, deltas: list[Delta]) -> Tensor:
        delta = torch.from_numpy(np.stack(deltas)).to(problem.inputs)
        if problem.mask is not None:
            delta = delta * problem.mask
        return self.threat.nearest(problem.inputs, problem.inputs + delta)

    def _side(self, query: int, shape: tuple[int, ...]) -> int:
        """Length of a square's side at a query."""
        divisor = max((divisor for share, divisor in _HALVINGS if query > share * self.steps), default=1)
        side = round(sqrt(self.area / divisor * shape[1] * shape[2]))
        return int(np.clip(side, 1, max(min(shape[1:]) - 1, 1)))


class _Signs:
    """Moves in linf: every entry of a square goes to one end or the other of its range."""

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def begin(self, rng: np.random.Generator, shape: tuple[int, ...], side: int) -> Delta:
        """Return vertical stripes (C, H, W)."""
        channels, _, width = shape
        return np.broadcast_to(self.eps * rng.choice([-1.0, 1.0], (channels, 1, width)), shape)

    def propose(self, rng: np.random.Generator, delta: Delta, side: int) -> Delta:
        """Return a change (C, H, W) that differs in one square."""
        square = (slice(None), *_window(rng, delta.shape, side))
        delta = delta.copy()
        delta[square] += 2 * self.eps * rng.choice([-1.0, 1.0], (len(delta), 1, 1))
        return delta


class _Mass:
    """Moves in l2 or l1: one window's share of the norm goes to another window, in the shape of two bumps."""

    def __init__(self, eps: float, power: int) -> None:
        self.eps = eps
        self.power = power

    def begin(self, rng: np.random.Generator, shape: tuple[int, ...], side: int) -> Delta:
        """Return a grid of bumps (C, H, W)."""
        delta = np.zeros(shape)
        side = max(min(shape[1:]) // 5, 1)
        for top in range(0, shape[1] - side + 1, side):
            for left in range(0, shape[2] - side + 1, side):
                signs = rng.choice([-1.0, 1.0], (shape[0], 1, 1))
                delta[:, top : top + side, left : left + side] += _two_bumps(rng, side) * signs
        return self._scaled(delta)

    def propose(self, rng: np.random.Generator, delta: Delta, side: int) -> Delta:
        """Return a change (C, H, W) that is larger in one window, and nothing in another."""
        delta, side = delta.copy(), min(max(side, 3) | 1, *delta.shape[1:])
        target, source = ((slice(None), *_window(rng, delta.shape, side)) for _ in range(2))
        both = np.zeros(delta.shape)
        both[target] = both[source] = 1
        spare = max(self.eps**self.power - self._mass(delta).sum(), 0) / len(delta)
        mass = spare + self._mass(delta * both).sum(axis=(1, 2), keepdims=True)
        old = delta[target]
        old_norm = self._mass(old).sum(axis=(1, 2), keepdims=True) ** (1 / self.power)
        new = _two_bumps(rng, side) * rng.choice([-1.0, 1.0], (len(delta), 1, 1)) + old / (1e-12 + old_norm)
        new_norm = self._mass(new).sum(axis=(1, 2), keepdims=True) ** (1 / self.power)
        delta[source] = 0
        delta[target] = new / new_norm.clip(min=1e-12) * mass ** (1 / self.power)
        return self._scaled(delta)

    def _mass(self, delta: Delta) -> Delta:
        mass: Delta = np.abs(delta) ** self.power
        return mass

    def _scaled(self, delta: Delta) -> Delta:
        size: float = self._mass(delta).sum() ** (1 / self.power)
        scaled: Delta = delta * (self.eps / max(size, 1e-12))
        return scaled


def _window(rng: np.random.Generator, shape: tuple[int, ...], side: int) -> tuple[slice, slice]:
    top, left = (int(rng.integers(0, size - side + 1)) for size in shape[1:])
    return slice(top, top + side), slice(left, left + side)


def _two_bumps(rng: np.random.Generator, side: int) -> Delta:
    """A bump of each sign, side by side or one above the other, of norm 1 (side, side)."""
    half = side // 2
    pair = np.concatenate([_bump(half, side), -_bump(side - half, side)])
    pair /= max(np.linalg.norm(pair), 1e-12)
    return pair.T if rng.random() > 0.5 else pair


def _bump(height: int, width: int) -> Delta:
    """Falls from the middle outwards: at distance d it is the sum of 1 / (k + 1)^2 from k = d on."""
    if not height:
        return np.zeros((0, width))
    rows, columns = np.abs(np.arange(height) - height // 2), np.abs(np.arange(width) - width // 2)
    distance = np.maximum(rows[:, None], columns[None])
    terms = 1 / (np.arange(max(height, width) // 2 + 1) + 1.0) ** 2
    bump: Delta = terms[::-1].cumsum()[::-1][distance]
    return bump / float(np.linalg.norm(bump))
