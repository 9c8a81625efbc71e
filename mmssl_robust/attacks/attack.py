"""What all attacks share: their arguments, their restarts, and the contract of a call."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from mmssl_robust.attack_settings import AttackSettings, Kind
from mmssl_robust.attacks.active import Iterates, narrowed
from mmssl_robust.attacks.arguments import settings_of
from mmssl_robust.attacks.best_iterates import BestIterates
from mmssl_robust.attacks.noise import random_start
from mmssl_robust.attacks.objectives.base import Forward, Objective
from mmssl_robust.attacks.oracle import Oracle, QueryCount
from mmssl_robust.attacks.result import AttackResult
from mmssl_robust.attacks.threat_models import THREAT_MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_integer


@dataclass(frozen=True)
class Problem:
    """Images under attack.

    Attributes:
        oracle: The model and the objective.
        inputs: Clean images (B, C, H, W).
        targets: As the objective prepared them, batch first.
        keys: A number for each image, from which its noise follows.
        mask: (B, 1, H, W) bool, True where pixels may change; None for everywhere.
        start: Images (B, C, H, W) from which the first restart begins; None for the attack's own.
    """

    oracle: Oracle
    inputs: Tensor
    targets: Tensor
    keys: Sequence[int]
    mask: Tensor | None
    start: Tensor | None = None

    def only(self, indices: Tensor) -> 'Problem':
        """Some of the images, by their places (N,)."""
        return Problem(
            oracle=self.oracle.only(indices),
            inputs=self.inputs[indices],
            targets=self.targets[indices],
            keys=[self.keys[index] for index in indices.tolist()],
            mask=None if self.mask is None else self.mask[indices],
            start=None if self.start is None else self.start[indices],
        )


class Attack(ABC):
    """An objective to maximise inside a threat model's ball and the range of an image.

    Args:
        objective: What to maximise.
        norm: ``'linf'``, ``'l2'`` or ``'l1'``.
        eps: Radius of the ball, for pixels in [0, 1]; a number or a string such as ``'8/255'``.
        steps: How many steps; 0 evaluates the start.
        random_start: Start at a random point of the ball, otherwise at the clean image.
        restarts: Number of independent starts; an objective that has several aims takes the next one at each.
        seed: Seed of the attack's random numbers, a non-negative integer.
        eot_samples: For a model with randomness of its own: how often it is called for one loss or gradient.
        stop_at_success: Leave an image alone from its first success on, and report that iterate: nothing after it can
            change whether the image is robust. Of an image that withstands, the best iterate, as without.
        active: How many images are in the model at once, so that a large batch needs the memory of a small one; None
            for all. All take a step together, in parts that are full again at every step: what has left gives its
            place to what waits. No result depends on it, but for rounding.

    Raises:
        UserError: If an argument is out of range.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import Attack, EmbeddingDistance
        >>> class Darken(Attack):  # an attack of one's own says which iterates may be reported
        ...     def _iterates(self, problem, restart):
        ...         adv = problem.inputs - self.eps
        ...         yield adv, problem.oracle.values(adv, problem.targets, 1)
        >>> image = torch.full((1, 3, 8, 8), 0.5)
        >>> Darken(EmbeddingDistance(), eps=0.1)(torch.nn.Flatten(), image).adv.unique()
        tensor([0.4000])
    """

    FIXED: ClassVar[tuple[str, ...]] = ()
    """Arguments of a parent that a subclass sets itself."""
    kind: ClassVar[Kind] = 'image'
    """See :class:`~mmssl_robust.attack_settings.AttackSettings`."""

    def __init__(
        self,
        objective: Objective,
        norm: str = 'linf',
        eps: float | str = '8/255',
        steps: int = 20,
        random_start: bool = True,
        restarts: int = 1,
        seed: int = 0,
        eot_samples: int = 1,
        stop_at_success: bool = False,
        active: int | None = None,
    ) -> None:
        if not isinstance(objective, Objective):
            raise TypeError(f'objective={objective!r} is no Objective: pass an instance such as CrossEntropy()')
        if norm not in THREAT_MODELS:
            raise UserError(f'unknown norm={norm!r}: use one of {", ".join(THREAT_MODELS)}')
        least = dict(steps=0, restarts=1, seed=0, eot_samples=1)
        for name, value in dict(steps=steps, restarts=restarts, seed=seed, eot_samples=eot_samples).items():
            check_integer(value, name, least[name])
        if active is not None:
            check_integer(active, 'active', 1)
        if not random_start and restarts > 1 and not objective.has_aims:
            raise UserError(f'restarts={restarts} without random_start repeat one attack: set random_start=True')
        if not random_start and objective.needs_random_start:
            raise UserError(f'{type(objective).__name__} has no gradient at the clean image: set random_start=True')
        self.objective = objective
        self.threat = THREAT_MODELS[norm](eps)
        self.norm = norm
        self.eps = self.threat.eps
        self._texts: dict[str, float | str] = dict(eps=eps)
        self.steps = steps
        self.random_start = random_start
        self.restarts = restarts
        self.seed = seed
        self.eot_samples = eot_samples
        self.stop_at_success = stop_at_success
        self.active = active

    @property
    def settings(self) -> AttackSettings:
        """What this attack is: every argument, with the numbers that follow from it."""
        return settings_of(self, self._texts)

    def told(self, thresholds: Mapping[str, float]) -> 'Attack':
        """Return the attack with the thresholds of the data that it is to attack, by which targets count or not.

        Args:
            thresholds: Name -> value, see :meth:`Objective.told`.

        Raises:
            UserError: If its objective was built with another one.
        """
        attack = copy.copy(self)
        attack.objective = self.objective.told(thresholds)
        return attack

    @property
    def judged_by(self) -> Objective:
        """By what the images are judged on the model that is shown them."""
        return self.objective

    @property
    def passes(self) -> int:
        """How often an image goes through the model, forward or back, at most."""
        return self.eot_samples * self.restarts * (2 * self.steps + 1)

    def __call__(
        self,
        forward: Forward,
        inputs: Tensor,
        targets: Tensor | None = None,
        keys: Sequence[int] | None = None,
        mask: Tensor | None = None,
        start: Tensor | None = None,
    ) -> AttackResult:
        """Attack a batch of images.

        Args:
            forward: Differentiable function of images (B, C, H, W), whose outputs for an image do not
                depend on the others: the caller has put its model in evaluation mode.
            inputs: Clean images (B, C, H, W) in [0, 1], float32 or float64; the model normalises.
            targets: Ground truth as the objective wants it, batch first.
            keys: Non-negative integer for each image, from which its noise follows; by default its
                position in the batch.
            mask: (B, 1, H, W), nonzero where pixels may change (padding may not); None for everywhere.
            start: Images in the ball from which the first restart begins in place of its own start; not for Square,
                whose start belongs to its search.

        Returns:
            The adversarial images, with what they are worth and what they cost.

        Raises:
            UserError: If pixels lie outside [0, 1], or a loss or gradient is not finite or absent.
            ValueError: If shapes do not fit.
        """
        keys = list(range(len(inputs))) if keys is None else [int(key) for key in keys]
        # Evaluation loops switch gradients off, some by inference mode, whose tensors autograd refuses.
        with torch.inference_mode(False), torch.enable_grad():
            inputs, mask = check_images(inputs, keys, mask)
            count = QueryCount(len(inputs), inputs.device)
            oracle = Oracle(forward, self.objective, keys, count, self.eot_samples, active=self.active)
            with torch.no_grad():
                targets = self.objective.prepare(oracle.forward, inputs, None if targets is None else targets.clone())
            kept = self._restarted(Problem(oracle, inputs, targets, keys, mask, start))
        return self._result(count, kept, inputs)

    def _restarted(self, problem: Problem) -> BestIterates:
        kept = BestIterates(first=self.stop_at_success)
        aims = self.objective.aims(problem.targets)
        for restart in range(self.restarts if aims is None else min(self.restarts, aims)):
            part, indices = problem, None
            if self.stop_at_success and restart:
                indices = (~kept.success).nonzero()[:, 0]
                if not len(indices):
                    break
                part = problem.only(indices)
            part = self._posed(part, restart)
            for iterate, values, left in narrowed(self._iterates(part, restart), indices, self.stop_at_success):
                kept.offer(iterate, values, restart, left)
        return kept

    def _posed(self, problem: Problem, restart: int) -> Problem:
        """What a restart attacks."""
        return replace(problem, targets=self.objective.aim(problem.targets, restart))

    @abstractmethod
    def _iterates(self, problem: Problem, restart: int) -> Iterates:
        """Attack from one start and yield the iterates that may be reported, see :data:`Iterates`."""

    def _start(self, problem: Problem, restart: int) -> Tensor:
        if problem.start is not None and restart == 0:
            return self.threat.nearest(problem.inputs, problem.start)
        if not self.random_start:
            return problem.inputs
        noise = random_start(self.threat, problem.inputs, problem.keys, self.seed, restart, problem.mask)
        return self.threat.nearest(problem.inputs, problem.inputs + noise)

    def _result(self, count: QueryCount, kept: BestIterates, inputs: Tensor) -> AttackResult:
        norm = self.threat.size(kept.adv - inputs)
        limit = self.eps + self.threat.slack * max(1, self.eps)
        if not (norm <= limit).all() or not ((kept.adv >= 0) & (kept.adv <= 1)).all():
            raise RuntimeError(f'perturbation of size {norm.max():.6g} left eps={self.eps:.6g} or the image [0, 1]')
        return AttackResult(
            adv=kept.adv,
            loss=kept.loss,
            success=kept.success,
            score=kept.score,
            zero_grad=count.zero_grad(inputs.dtype),
            norm=norm,
            restart=kept.restart,
            forwards=count.forwards,
            backwards=count.backwards,
        )


def check_images(inputs: Tensor, keys: Sequence[int], mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Return detached inputs and a boolean mask, or raise."""
    if inputs.ndim != 4 or not inputs.numel() or inputs.dtype not in (torch.float32, torch.float64):
        raise ValueError(f'inputs are {inputs.dtype} {tuple(inputs.shape)}: pass float32 or float64 (B, C, H, W)')
    low, high = inputs.min().item(), inputs.max().item()
    if not (low >= 0 and high <= 1):
        raise UserError(f'pixels lie in [{low:.4g}, {high:.4g}]: attack pixels in [0, 1] and normalise in the model')
    if len(keys) != len(inputs) or min(keys) < 0:
        raise ValueError(f'{len(keys)} keys for {len(inputs)} images: pass one non-negative integer for each')
    batch, _, height, width = inputs.shape
    if mask is not None and mask.shape != (batch, 1, height, width):
        raise ValueError(f'mask {tuple(mask.shape)} does not fit inputs {tuple(inputs.shape)}: pass (B, 1, H, W)')
    return inputs.detach().clone(), None if mask is None else mask != 0
