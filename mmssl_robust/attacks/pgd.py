"""Projected gradient descent, the optimiser of every attack in the paper."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from mmssl_robust.attacks.active import Iterates, only
from mmssl_robust.attacks.attack import Attack, Problem, check_images
from mmssl_robust.attacks.keywords import StartStopSettings, StopSettings
from mmssl_robust.attacks.objectives.base import Forward, Objective, ObjectiveValues
from mmssl_robust.attacks.oracle import Oracle, QueryCount
from mmssl_robust.attacks.result import Perturbation
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import parse_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

Keep = Literal['best', 'last', 'first']


class PGDSettings(StartStopSettings, total=False):
    """All arguments of :class:`PGD` but its objective."""

    norm: str
    eps: float | str
    step_size: float | str | None
    steps: int
    keep: Keep
    momentum: float


class PGD(Attack):
    """Steepest ascent on an objective inside a threat model's ball and the range of an image.

    Each step adds the steepest ascent direction in the threat model's norm, projects to the ball, then
    to [0, 1]. The random start is clipped to [0, 1] too. From Madry et al., *Towards Deep Learning Models
    Resistant to Adversarial Attacks*, ICLR 2018; the defaults but ``keep`` are the paper's (Sec. 3).

    Args:
        objective: See :class:`Attack`, as all arguments that are not named here.
        norm: Likewise.
        eps: Likewise.
        step_size: Length of a step in the same norm, a number or a string such as ``'2/255'``; a quarter of ``eps``
            if it is None.
        steps: How many steps; 0 evaluates the start.
        random_start: See :class:`Attack`.
        restarts: Likewise.
        keep: ``'best'`` returns for each image the iterate of the lowest score, ties broken by the highest
            loss; ``'last'`` the last iterate (the best of them over the restarts); ``'first'`` the first successful
            one, at which the image leaves the attack, and of an image that withstands the best one. ``'first'`` is
            ``'best'`` with ``stop_at_success``; with ``'last'`` that can act between restarts alone.
        momentum: Share of the past directions that a step keeps: each gradient, divided by its mean magnitude, is
            added to this times the sum so far (Dong et al., *Boosting Adversarial Attacks with Momentum*, CVPR 2018).
        **settings: See :class:`Attack`.

    Raises:
        UserError: If an argument is out of range.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import PGD, CrossEntropy
        >>> def net(x):  # class 1 where the image is brighter than 0.5
        ...     return torch.stack([torch.full((len(x),), 0.5), x.mean(dim=(1, 2, 3))], dim=1)
        >>> images = torch.tensor([0.52, 0.6]).view(2, 1, 1, 1).expand(2, 3, 8, 8)
        >>> result = PGD(CrossEntropy(), norm='linf', eps='8/255')(net, images, torch.tensor([1, 1]))
        >>> result.success  # 8/255 is 0.031: enough to darken the first image below 0.5
        tensor([ True, False])
    """

    def __init__(
        self,
        objective: Objective,
        norm: str = 'linf',
        eps: float | str = '8/255',
        step_size: float | str | None = '2/255',
        steps: int = 20,
        random_start: bool = True,
        restarts: int = 1,
        keep: Keep = 'best',
        momentum: float = 0.0,
        **settings: 'Unpack[StopSettings]',
    ) -> None:
        if keep not in get_args(Keep):
            raise UserError(f'unknown keep={keep!r}: use one of {", ".join(get_args(Keep))}')
        if keep == 'first':
            settings['stop_at_success'] = True
        super().__init__(objective, norm, eps, steps, random_start, restarts, **settings)
        quarter = self.eps / 4 if self.eps else 1.0
        self.step_size = quarter if step_size is None else parse_number(step_size, 'step_size')
        self._texts['step_size'] = self.step_size if step_size is None else step_size
        if self.step_size <= 0:
            raise UserError(f'step_size={step_size} does not ascend: give a positive number')
        self.keep = keep
        self.momentum = parse_number(momentum, 'momentum')
        if self.momentum < 0:
            raise UserError(f'momentum={momentum}: give a number of at least 0')

    def perturb(
        self,
        forward: Forward,
        inputs: Tensor,
        targets: Tensor | None = None,
        keys: Sequence[int] | None = None,
        visit: int = 0,
        loss_scale: float = 1.0,
    ) -> Perturbation:
        """Make adversarial images for training: the last iterate of one start, whatever ``keep`` and ``restarts``.

        It costs one forward and one backward a step and nothing besides. A loss or gradient that is not finite
        gives images that are not, for the caller to notice: in several processes, all must decide together what to do.

        Args:
            forward: As for :meth:`__call__`; it may compute in float16.
            inputs: As for :meth:`__call__`.
            targets: As for :meth:`__call__`.
            keys: As for :meth:`__call__`.
            visit: Number of the visit to these images, such as the epoch: each starts from noise of its own.
            loss_scale: Factor on the loss in the backward pass, for float16, whose small gradients are 0.

        Returns:
            The images and what they cost.

        Raises:
            UserError: If pixels lie outside [0, 1], or the gradient is absent.
            ValueError: If shapes do not fit.
        """
        keys = list(range(len(inputs))) if keys is None else [int(key) for key in keys]
        with torch.enable_grad():
            inputs, _ = check_images(inputs, keys, None)
            count = QueryCount(len(inputs), inputs.device)
            oracle = Oracle(
                forward, self.objective, keys, count, self.eot_samples, loss_scale, check=False, active=self.active
            )
            with torch.no_grad():
                targets = self.objective.prepare(oracle.forward, inputs, targets)
            problem = Problem(oracle, inputs, self.objective.aim(targets, 0), keys, None)
            adv, direction = self._start(problem, visit), None
            for step in range(1, self.steps + 1):
                grad, _ = self._gradient(problem, adv, visit, step)
                adv, direction = self._step(problem.inputs, adv, grad, direction)
        zero_grad = count.zero_grad(inputs.dtype)
        return Perturbation(adv.detach(), zero_grad, int(count.forwards[0]), int(count.backwards[0]))

    def _iterates(self, problem: Problem, restart: int) -> Iterates:
        adv, direction = self._start(problem, restart), None
        for step in range(1, self.steps + 1):
            grad, values = self._gradient(problem, adv, restart, step)
            if self.keep != 'last':
                going = yield adv, values
                problem, adv, grad, direction = only(going, problem, adv, grad, direction)
            adv, direction = self._step(problem.inputs, adv, grad, direction)
        yield adv, problem.oracle.values(adv, problem.targets, max(self.steps, 1))

    def _gradient(self, problem: Problem, adv: Tensor, restart: int, step: int) -> tuple[Tensor, ObjectiveValues]:
        """Return the gradient of a step (B, C, H, W), and what the iterate is worth."""
        return problem.oracle.gradient(adv, problem.targets, step, self.steps, problem.mask)

    def _step(self, inputs: Tensor, adv: Tensor, grad: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the next iterate, and the direction in which it lies."""
        direction = self._direction(grad, past)
        return self.threat.nearest(inputs, adv + self.threat.ascent(direction, self.step_size)), direction

    def _direction(self, grad: Tensor, past: Tensor | None) -> Tensor:
        if not self.momentum:
            return grad
        scale = grad.abs().mean(dim=(1, 2, 3), keepdim=True)
        grad = torch.where(scale == 0, grad, grad / scale)
        return grad if past is None else self.momentum * past + grad


class FGSM(PGD):
    """One step of full length from the clean image.

    From Goodfellow et al., *Explaining and Harnessing Adversarial Examples*, ICLR 2015. A weak attack: for a first
    look and as a check, not as a robustness figure.

    Args:
        objective: What to maximise.
        norm: See :class:`Attack`.
        eps: Radius of the ball and length of the step.
        seed: Not used by this attack itself.
        active: See :class:`Attack`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import FGSM, CrossEntropy
        >>> def net(x):  # class 1 where the image is brighter than 0.5
        ...     return torch.stack([torch.full((len(x),), 0.5), x.mean(dim=(1, 2, 3))], dim=1)
        >>> image = torch.full((1, 3, 8, 8), 0.52)
        >>> result = FGSM(CrossEntropy(), eps='8/255')(net, image, torch.tensor([1]))
        >>> (255 * (result.adv - image)).round().unique()
        tensor([-8.])
    """

    def __init__(
        self,
        objective: Objective,
        norm: str = 'linf',
        eps: float | str = '8/255',
        seed: int = 0,
        active: int | None = None,
    ) -> None:
        start = objective.needs_random_start
        super().__init__(
            objective,
            norm,
            eps,
            step_size=parse_number(eps, 'eps') or 1,
            steps=1,
            random_start=start,
            keep='last',
            seed=seed,
            active=active,
        )
