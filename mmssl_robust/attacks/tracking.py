"""What an attack keeps track of while it runs: its model, its gradients, what they cost."""

from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor

from mmssl_robust.attacks.active import shares
from mmssl_robust.attacks.objectives.base import Forward, Judgement, Objective
from mmssl_robust.utils.errors import UserError


class Account:
    """What each of B images has cost, and the share of exactly-zero entries in its gradients.

    Attributes:
        forwards: (B,), how often it went through the model.
        backwards: (B,), how often a gradient came back.
    """

    def __init__(self, images: int, device: torch.device) -> None:
        self.forwards = torch.zeros(images, dtype=torch.int64, device=device)
        self.backwards = torch.zeros(images, dtype=torch.int64, device=device)
        self._zeros = torch.zeros(images, device=device)
        self._counted = torch.zeros(images, dtype=torch.int64, device=device)

    def add_gradient(self, rows: Tensor | slice, grad: Tensor, mask: Tensor | None, idle: Tensor) -> None:
        """Count a gradient (N, C, H, W) of the images ``rows``, but not the zeros of those that are ``idle`` (N,)."""
        zeros = grad == 0
        allowed = torch.ones_like(zeros) if mask is None else mask.expand_as(zeros)
        count = allowed.flatten(1).sum(dim=1).clamp(min=1)
        self._zeros[rows] += (zeros & allowed).flatten(1).sum(dim=1) / count * ~idle
        self._counted[rows] += ~idle
        self.backwards[rows] += 1

    def zero_grad(self, dtype: torch.dtype) -> Tensor:
        """Return the mean share (B,) of exactly-zero gradient entries so far, 0 where no gradient counted."""
        return (self._zeros / self._counted.clamp(min=1)).to(dtype)


class Trace:
    """The model and the objective of one attack, checked and counted at every call.

    Args:
        forward: The model under attack.
        objective: What is maximised.
        keys: Names of the images for error messages.
        account: Where calls are counted.
        samples: A model with randomness of its own is judged by the mean over this many calls, and its gradient is
            the mean of theirs (Athalye et al., *Synthesizing Robust Adversarial Examples*, ICML 2018).
        loss_scale: Factor on the loss in the backward pass; the gradient is divided by it.
        check: Raise where a loss or gradient is not finite, or the outputs are float16.
        rows: Places (N,) of the images in the account; by default all.
        active: How many images the model sees at once; None for all.
    """

    def __init__(
        self,
        forward: Forward,
        objective: Objective,
        keys: Sequence[int],
        account: Account,
        samples: int = 1,
        loss_scale: float = 1.0,
        check: bool = True,
        rows: Tensor | None = None,
        active: int | None = None,
    ) -> None:
        self._forward = forward
        self._objective = objective
        self._keys = list(keys)
        self._account = account
        self._samples = samples
        self._loss_scale = loss_scale
        self._check = check
        self._rows = slice(None) if rows is None else rows
        self._active = active

    def only(self, rows: Tensor) -> 'Trace':
        """Return the trace of some of the images (N,), by their places among those of this one."""
        keys = [self._keys[row] for row in rows.tolist()]
        places = rows if isinstance(self._rows, slice) else self._rows[rows]
        settings = (self._account, self._samples, self._loss_scale, self._check)
        return Trace(forward_of(self._forward, rows), self._objective, keys, *settings, places, self._active)

    @cached_property
    def _parts(self) -> list[tuple[Tensor, 'Trace']]:
        """Places and traces of the parts that the model sees one after the other; empty if it sees all at once."""
        parts = shares(len(self._keys), self._active, self._account.forwards.device)
        return [(rows, self.only(rows)) for rows in parts]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the model's outputs, batch first, in float32 or float64.

        Raises:
            UserError: If the outputs are float16.
            ValueError: If there is not one output for each image.
        """
        if self._parts:
            return torch.cat([part.forward(inputs[rows]) for rows, part in self._parts])
        outputs = self._forward(inputs)
        self._account.forwards[self._rows] += 1
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
        if self._parts:
            grads, judgements = zip(
                *(
                    part.differentiate(adv[rows], targets[rows], step, steps, None if mask is None else mask[rows])
                    for rows, part in self._parts
                )
            )
            return torch.cat(grads), _joined(judgements)
        adv = adv.detach().requires_grad_()
        grads, judgements = zip(*(self._gradient(adv, targets, step, steps) for _ in range(self._samples)))
        grad = grads[0] if len(grads) == 1 else sum(grads) / len(grads)
        if mask is not None:
            grad = grad * mask
        judgement = _mean(judgements)
        self._account.add_gradient(self._rows, grad, mask, self._objective.idle(judgement.score, targets))
        return grad, judgement

    @torch.no_grad()
    def judge(self, adv: Tensor, targets: Tensor, steps: int) -> Judgement:
        """Return what the last iterate is worth, by one forward without gradient for each sample."""
        if self._parts:
            return _joined([part.judge(adv[rows], targets[rows], steps) for rows, part in self._parts])
        return _mean([self._judge(adv, targets, steps, steps) for _ in range(self._samples)])

    def _gradient(self, adv: Tensor, targets: Tensor, step: int, steps: int) -> tuple[Tensor, Judgement]:
        judgement = self._judge(adv, targets, step, steps)
        loss = judgement.loss.sum() * self._loss_scale
        # The sum, not the mean: an image's gradient must not depend on the size of its batch.
        grad = torch.autograd.grad(loss, adv, allow_unused=True)[0] if loss.requires_grad else None
        if grad is None:
            raise UserError('the loss does not depend on the pixels: run the model without no_grad() and detach()')
        grad = grad / self._loss_scale
        if self._check:
            self._finite(grad.flatten(1).sum(dim=1), 'gradient')
        return grad, judgement._replace(loss=judgement.loss.detach())

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


def forward_of(forward: Forward, rows: Tensor) -> Forward:
    """Return the model as a function of some of the images (N,); most models do not care which they see.

    One whose outputs depend on an image's place in the batch, such as that of a victim, has a method ``only``.
    """
    only: Callable[[Tensor], Forward] | None = getattr(forward, 'only', None)
    return forward if only is None else only(rows)


def _mean(judgements: Sequence[Judgement]) -> Judgement:
    """The mean over calls of a random model; an attack has succeeded if it does in most."""
    if len(judgements) == 1:
        return judgements[0]
    loss, final_loss, score = (
        torch.stack([getattr(judgement, name) for judgement in judgements]).mean(dim=0)
        for name in ('loss', 'final_loss', 'score')
    )
    successes = torch.stack([judgement.success for judgement in judgements])
    return Judgement(loss, final_loss, score, 2 * successes.sum(dim=0) > len(judgements))


def _joined(judgements: Sequence[Judgement]) -> Judgement:
    """What the parts of a batch are worth, as one."""
    return Judgement(*map(torch.cat, zip(*judgements)))
