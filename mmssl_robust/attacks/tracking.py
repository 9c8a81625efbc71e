"""What an attack watches while it runs: its model, its gradients, the best iterates."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmssl_robust.attacks.objectives.base import Forward, Judgement, Objective
from mmssl_robust.utils.errors import UserError


class Trace:
    """The model and the objective of one attack, checked and counted at every call.

    Args:
        forward: The model under attack.
        objective: What is maximised.
        keys: Names of the images for error messages.
        loss_scale: Factor on the loss in the backward pass; the gradient is divided by it.
        check: Raise where a loss or gradient is not finite, or the outputs are float16.
    """

    def __init__(
        self, forward: Forward, objective: Objective, keys: Sequence[int], loss_scale: float = 1.0, check: bool = True
    ) -> None:
        self._forward = forward
        self._objective = objective
        self._keys = keys
        self._loss_scale = loss_scale
        self._check = check
        self._zeros: Tensor | float = 0.0
        self.forwards = 0
        self.backwards = 0

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the model's outputs, batch first, in float32 or float64.

        Raises:
            UserError: If the outputs are float16.
            ValueError: If there is not one output for each image.
        """
        outputs = self._forward(inputs)
        self.forwards += 1
        if len(outputs) != len(inputs):
            raise ValueError(f'the model returned {len(outputs)} outputs for {len(inputs)} images')
        if outputs.dtype == torch.float16 and self._check:
            raise UserError('the model computes in float16, whose gradients underflow to zero: use float32 or bfloat16')
        return outputs.float() if outputs.dtype in (torch.bfloat16, torch.float16) else outputs

    def differentiate(
        self, adv: Tensor, targets: Tensor, step: int, steps: int, mask: Tensor | None
    ) -> tuple[Tensor, Judgement]:
        """Return the gradient of the images' losses (B, C, H, W), zero off the mask, and what ``adv`` is worth.

        Args:
            adv: The iterate (B, C, H, W).
            targets: The objective's targets.
            step: Number of the step, from 1 to ``steps``.
            steps: How many steps the attack takes.
            mask: (B, 1, H, W) bool, or None.

        Raises:
            UserError: If a loss or gradient is not finite, or the model cuts the gradient off.
        """
        adv = adv.detach().requires_grad_()
        judgement = self._judge(adv, targets, step, steps)
        loss = judgement.loss.sum() * self._loss_scale
        # The sum, not the mean: an image's gradient must not depend on the size of its batch.
        grad = torch.autograd.grad(loss, adv, allow_unused=True)[0] if loss.requires_grad else None
        if grad is None:
            raise UserError('the loss does not depend on the pixels: run the model without no_grad() and detach()')
        self.backwards += 1
        grad = grad / self._loss_scale
        if self._check:
            self._finite(grad.flatten(1).sum(dim=1), 'gradient')
        if mask is not None:
            grad = grad * mask
        self._count_zeros(grad, mask)
        return grad, judgement

    @torch.no_grad()
    def judge(self, adv: Tensor, targets: Tensor, steps: int) -> Judgement:
        """Return what the last iterate is worth, by one forward without gradient."""
        return self._judge(adv, targets, steps, steps)

    def zero_grad(self, inputs: Tensor) -> Tensor:
        """Return the mean share (B,) of exactly-zero gradient entries so far, 0 if there was no gradient."""
        return torch.zeros_like(inputs[:, 0, 0, 0]) + self._zeros / max(self.backwards, 1)

    def _judge(self, adv: Tensor, targets: Tensor, step: int, steps: int) -> Judgement:
        judgement = self._objective.judge(self.forward(adv), targets, step, steps)
        if judgement.loss.shape != (len(adv),):
            name, shape = type(self._objective).__name__, tuple(judgement.loss.shape)
            raise ValueError(f'{name} returned a loss of shape {shape} for {len(adv)} images: return one for each')
        self._finite(judgement.loss, 'loss')
        self._finite(judgement.score, 'score')
        return judgement

    def _finite(self, values: Tensor, name: str) -> None:
        """Raise unless each image's value (B,) is finite."""
        if not self._check:
            return
        finite = torch.isfinite(values.detach())
        if not finite.all():
            keys = [key for key, fine in zip(self._keys, finite.tolist()) if not fine]
            raise UserError(
                f'NaN or infinite {name} for image {keys}: check the weights, the precision and the targets'
            )

    def _count_zeros(self, grad: Tensor, mask: Tensor | None) -> None:
        zeros = grad == 0
        allowed = torch.ones_like(zeros) if mask is None else mask.expand_as(zeros)
        count = allowed.flatten(1).sum(dim=1).clamp(min=1)
        self._zeros = self._zeros + (zeros & allowed).flatten(1).sum(dim=1) / count


class Kept:
    """The best iterate offered so far, image by image: lowest score, ties broken by the highest loss."""

    adv: Tensor
    loss: Tensor
    score: Tensor
    success: Tensor
    restart: Tensor

    def __init__(self) -> None:
        self._empty = True

    def offer(self, adv: Tensor, judgement: Judgement, restart: int) -> None:
        """Take over the images of a restart's iterate (B, C, H, W) that are better than what is kept."""
        _, loss, score, success = judgement
        if self._empty:
            self.adv, self.loss, self.score, self.success = adv, loss, score, success
            self.restart = torch.full_like(success, restart, dtype=torch.int64)
            self._empty = False
            return
        better = (score < self.score) | ((score == self.score) & (loss > self.loss))
        self.adv = torch.where(better[:, None, None, None], adv, self.adv)
        self.loss = torch.where(better, loss, self.loss)
        self.score = torch.where(better, score, self.score)
        self.success = torch.where(better, success, self.success)
        self.restart = torch.where(better, restart, self.restart)
