"""Projected gradient descent, the optimiser of every attack in the paper."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from mmssl_robust.attacks.noise import random_start
from mmssl_robust.attacks.objectives.base import Forward, Judgement, Objective
from mmssl_robust.attacks.result import AttackResult, Perturbation
from mmssl_robust.attacks.threat_models import THREAT_MODELS, parse_number
from mmssl_robust.attacks.tracking import Kept, Trace
from mmssl_robust.utils.errors import UserError

Keep = Literal['best', 'last']


class PGD:
    """Steepest ascent on an objective inside a threat model's ball and the range of an image.

    Each step adds the steepest ascent direction in the threat model's norm, projects to the ball, then
    to [0, 1]. The random start is clipped to [0, 1] too. From Madry et al., *Towards Deep Learning Models
    Resistant to Adversarial Attacks*, ICLR 2018; the defaults but ``keep`` are the paper's (Sec. 3).

    Args:
        objective: What to maximise.
        norm: ``'linf'`` or ``'l2'``.
        eps: Radius of the ball, for pixels in [0, 1]; a number or a string such as ``'8/255'``.
        step_size: Length of a step in the same norm, likewise.
        steps: How many steps; 0 evaluates the start.
        random_start: Start at a random point of the ball, otherwise at the clean image.
        restarts: Number of independent random starts.
        keep: ``'best'`` returns for each image the iterate of the lowest score, ties broken by the highest
            loss; ``'last'`` the last iterate (the best of them over the restarts).
        seed: Seed of the random starts, a non-negative integer.

    Raises:
        UserError: If an argument is out of range.
    """

    def __init__(
        self,
        objective: Objective,
        norm: str = 'linf',
        eps: float | str = '8/255',
        step_size: float | str = '2/255',
        steps: int = 20,
        random_start: bool = True,
        restarts: int = 1,
        keep: Keep = 'best',
        seed: int = 0,
    ) -> None:
        if not isinstance(objective, Objective):
            raise TypeError(f'objective={objective!r} is no Objective: pass an instance such as CrossEntropy()')
        if norm not in THREAT_MODELS:
            raise UserError(f'unknown norm={norm!r}: use one of {", ".join(THREAT_MODELS)}')
        if keep not in get_args(Keep):
            raise UserError(f'unknown keep={keep!r}: use one of {", ".join(get_args(Keep))}')
        for name, value, least in (('steps', steps, 0), ('restarts', restarts, 1), ('seed', seed, 0)):
            if not isinstance(value, int) or value < least:
                raise UserError(f'{name}={value!r}: give an integer of at least {least}')
        if not random_start and restarts > 1:
            raise UserError(f'restarts={restarts} without random_start repeat one attack: set random_start=True')
        if not random_start and objective.needs_random_start:
            raise UserError(f'{type(objective).__name__} has no gradient at the clean image: set random_start=True')
        self.objective = objective
        self.threat = THREAT_MODELS[norm](eps)
        self.norm = norm
        self.eps = self.threat.eps
        self.step_size = parse_number(step_size, 'step_size')
        if self.step_size <= 0:
            raise UserError(f'step_size={step_size} does not ascend: give a positive number')
        self.steps = steps
        self.random_start = random_start
        self.restarts = restarts
        self.keep = keep
        self.seed = seed

    def __call__(
        self,
        forward: Forward,
        inputs: Tensor,
        targets: Tensor | None = None,
        keys: Sequence[int] | None = None,
        mask: Tensor | None = None,
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

        Returns:
            The adversarial images and their account.

        Raises:
            UserError: If pixels lie outside [0, 1], or a loss or gradient is not finite or absent.
            ValueError: If shapes do not fit.
        """
        keys = list(range(len(inputs))) if keys is None else [int(key) for key in keys]
        # Evaluation loops switch gradients off, some by inference mode, whose tensors autograd refuses.
        with torch.inference_mode(False), torch.enable_grad():
            inputs, mask = _check(inputs, keys, mask)
            trace = Trace(forward, self.objective, keys)
            with torch.no_grad():
                targets = self.objective.prepare(trace.forward, inputs, None if targets is None else targets.clone())
            kept = Kept()
            for restart in range(self.restarts):
                start = self._start(inputs, keys, mask, restart)
                for iterate, judgement in self._kept_iterates(trace, inputs, targets, start, mask):
                    kept.offer(iterate, judgement, restart)
        return self._result(trace, kept, inputs)

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
            inputs, _ = _check(inputs, keys, None)
            trace = Trace(forward, self.objective, keys, loss_scale=loss_scale, check=False)
            with torch.no_grad():
                targets = self.objective.prepare(trace.forward, inputs, targets)
            adv = self._start(inputs, keys, None, visit)
            ((adv, _),) = deque(self._iterates(trace, inputs, targets, adv, None), maxlen=1)
        return Perturbation(adv.detach(), trace.zero_grad(inputs), trace.forwards, trace.backwards)

    def _start(self, inputs: Tensor, keys: Sequence[int], mask: Tensor | None, restart: int) -> Tensor:
        if not self.random_start:
            return inputs
        return self._allowed(inputs, inputs + random_start(self.threat, inputs, keys, self.seed, restart, mask))

    def _allowed(self, inputs: Tensor, adv: Tensor) -> Tensor:
        """Project to the ball, then to [0, 1]."""
        return (inputs + self.threat.project(adv - inputs)).clamp(0, 1)

    def _kept_iterates(
        self, trace: Trace, inputs: Tensor, targets: Tensor, start: Tensor, mask: Tensor | None
    ) -> Iterator[tuple[Tensor, Judgement]]:
        """Ascend from one start and yield the iterates that may be reported, with what each is worth."""
        for iterate, judgement in self._iterates(trace, inputs, targets, start, mask):
            if judgement is None:
                yield iterate, trace.judge(iterate, targets, max(self.steps, 1))
            elif self.keep == 'best':
                yield iterate, judgement

    def _iterates(
        self, trace: Trace, inputs: Tensor, targets: Tensor, adv: Tensor, mask: Tensor | None
    ) -> Iterator[tuple[Tensor, Judgement | None]]:
        """Yield each iterate and what it is worth, which is not known of the last one."""
        for step in range(1, self.steps + 1):
            grad, judgement = trace.differentiate(adv, targets, step, self.steps, mask)
            yield adv, judgement
            adv = self._allowed(inputs, adv + self.threat.ascent(grad, self.step_size))
        yield adv, None

    def _result(self, trace: Trace, kept: Kept, inputs: Tensor) -> AttackResult:
        norm = self.threat.size(kept.adv - inputs)
        limit = self.eps + self.threat.slack * max(1, self.eps)
        if not (norm <= limit).all() or not ((kept.adv >= 0) & (kept.adv <= 1)).all():
            raise RuntimeError(f'perturbation of size {norm.max():.6g} left eps={self.eps:.6g} or the image [0, 1]')
        return AttackResult(
            adv=kept.adv,
            loss=kept.loss,
            success=kept.success,
            score=kept.score,
            zero_grad=trace.zero_grad(inputs),
            norm=norm,
            restart=kept.restart,
            forwards=trace.forwards,
            backwards=trace.backwards,
        )


def _check(inputs: Tensor, keys: Sequence[int], mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
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
