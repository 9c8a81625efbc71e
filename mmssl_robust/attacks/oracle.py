"""What an attack keeps track of while it runs: its model, its gradients, what they cost."""

import copy
from collections.abc import Callable, Sequence
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from mmssl_robust.attacks.active import shares
from mmssl_robust.attacks.objectives.base import Forward, Objective, ObjectiveValues
from mmssl_robust.attacks.upsampled import Outputs, full
from mmssl_robust.utils.errors import UserError


class QueryCount:
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

    def add_gradient(self, indices: Tensor | slice, grad: Tensor, mask: Tensor | None, flat: Tensor) -> None:
        """Count a gradient (N, C, H, W) of some images, but not the zeros of those that are ``flat`` (N,)."""
        zeros = grad == 0
        allowed = torch.ones_like(zeros) if mask is None else mask.expand_as(zeros)
        count = allowed.flatten(1).sum(dim=1).clamp(min=1)
        self._zeros[indices] += (zeros & allowed).flatten(1).sum(dim=1) / count * ~flat
        self._counted[indices] += ~flat
        self.backwards[indices] += 1

    def zero_grad(self, dtype: torch.dtype) -> Tensor:
        """Return the mean share (B,) of exactly-zero gradient entries so far, 0 where no gradient counted."""
        return (self._zeros / self._counted.clamp(min=1)).to(dtype)


class Oracle:
    """The model and the objective of one attack, checked and counted at every call.

    Args:
        forward: The model under attack.
        objective: What is maximised.
        keys: Names of the images for error messages.
        count: Where calls are counted.
        eot_samples: A model with randomness of its own is judged by the mean over this many calls, and its gradient is
            the mean of theirs (Athalye et al., *Synthesizing Robust Adversarial Examples*, ICML 2018).
        loss_scale: Factor on the loss in the backward pass; the gradient is divided by it.
        check: Raise where a loss or gradient is not finite, or the outputs are float16.
        indices: Places (N,) of the images in the count; by default all.
        active: How many images the model sees at once; None for all.
    """

    def __init__(
        self,
        forward: Forward,
        objective: Objective,
        keys: Sequence[int],
        count: QueryCount,
        eot_samples: int = 1,
        loss_scale: float = 1.0,
        check: bool = True,
        indices: Tensor | None = None,
        active: int | None = None,
    ) -> None:
        self._forward = forward
        self._objective = objective
        self._keys = list(keys)
        self._count = count
        self._eot_samples = eot_samples
        self._loss_scale = loss_scale
        self._check = check
        self._indices = slice(None) if indices is None else indices
        self._active = active

    def only(self, indices: Tensor) -> 'Oracle':
        """Return the oracle of some of the images (N,), by their places among those of this one."""
        keys = [self._keys[index] for index in indices.tolist()]
        places = indices if isinstance(self._indices, slice) else self._indices[indices]
        settings = (self._count, self._eot_samples, self._loss_scale, self._check)
        return Oracle(forward_of(self._forward, indices), self._objective, keys, *settings, places, self._active)

    def region_of_maps(self, region: Tensor, size: Sequence[int]) -> Tensor:
        """Return which places of maps lie on a region of the images, wholly or in part.

        Args:
            region: (B, 1, H, W) bool, of the images.
            size: Height and width of the maps, such as the ground truth.

        Returns:
            (B, 1, *size) bool. A model whose maps lie otherwise than stretched over the images, such as a victim, has a
            method ``region_of_maps``.
        """
        own: Callable[[Tensor], Tensor] | None = getattr(self._forward, 'region_of_maps', None)
        return region_in(region, size) if own is None else own(region)

    def through(self, view: Callable[[Forward], Forward]) -> 'Oracle':
        """Return the oracle of the model behind a view of the images, such as at another size; calls count here."""
        other = copy.copy(self)
        vars(other).pop('_parts', None)
        other._forward = view(self._forward)
        return other

    @cached_property
    def _parts(self) -> list[tuple[Tensor, 'Oracle']]:
        """Places and oracles of the parts that the model sees one after the other; empty if it sees all at once."""
        parts = shares(len(self._keys), self._active, self._count.forwards.device)
        return [(indices, self.only(indices)) for indices in parts]

    def forward(self, inputs: Tensor) -> Outputs:
        """Return the model's outputs, batch first, in float32 or float64.

        Raises:
            UserError: If the outputs are float16.
            ValueError: If there is not one output for each image.
        """
        if self._parts:
            return torch.cat([full(part.forward(inputs[indices])) for indices, part in self._parts])
        outputs = self._forward(inputs)
        self._count.forwards[self._indices] += 1
        if len(outputs) != len(inputs):
            raise ValueError(f'the model returned {len(outputs)} outputs for {len(inputs)} images')
        if outputs.dtype == torch.float16 and self._check:
            raise UserError('the model computes in float16, whose gradients underflow to zero: use float32 or bfloat16')
        return outputs.float() if outputs.dtype in (torch.bfloat16, torch.float16) else outputs

    def gradient(
        self, adv: Tensor, targets: Tensor, step: int, steps: int, mask: Tensor | None
    ) -> tuple[Tensor, ObjectiveValues]:
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
            grads, every_values = zip(
                *(
                    part.gradient(adv[indices], targets[indices], step, steps, None if mask is None else mask[indices])
                    for indices, part in self._parts
                )
            )
            return torch.cat(grads), _joined(every_values)
        adv = adv.detach().requires_grad_()
        grads, every_values = zip(*(self._gradient(adv, targets, step, steps) for _ in range(self._eot_samples)))
        grad = grads[0] if len(grads) == 1 else sum(grads) / len(grads)
        if mask is not None:
            grad = grad * mask
        values = _mean(every_values)
        self._count.add_gradient(self._indices, grad, mask, self._objective.flat(values.score, targets))
        return grad, values

    @torch.no_grad()
    def values(self, adv: Tensor, targets: Tensor, steps: int) -> ObjectiveValues:
        """Return what the last iterate is worth, by one forward without gradient for each sample."""
        if self._parts:
            return _joined([part.values(adv[indices], targets[indices], steps) for indices, part in self._parts])
        return _mean([self._values(adv, targets, steps, steps) for _ in range(self._eot_samples)])

    def _gradient(self, adv: Tensor, targets: Tensor, step: int, steps: int) -> tuple[Tensor, ObjectiveValues]:
        values = self._values(adv, targets, step, steps)
        loss = values.loss.sum() * self._loss_scale
        # The sum, not the mean: an image's gradient must not depend on the size of its batch.
        grad = torch.autograd.grad(loss, adv, allow_unused=True)[0] if loss.requires_grad else None
        if grad is None:
            raise UserError('the loss does not depend on the pixels: run the model without no_grad() and detach()')
        grad = grad / self._loss_scale
        if self._check:
            self._finite(grad.flatten(1).sum(dim=1), 'gradient')
        return grad, values._replace(loss=values.loss.detach())

    def _values(self, adv: Tensor, targets: Tensor, step: int, steps: int) -> ObjectiveValues:
        values = self._objective.values(self.forward(adv), targets, step, steps)
        if values.loss.shape != (len(adv),):
            name, shape = type(self._objective).__name__, tuple(values.loss.shape)
            raise ValueError(f'{name} returned a loss of shape {shape} for {len(adv)} images: return one for each')
        self._finite(values.loss, 'loss')
        self._finite(values.score, 'score')
        return values

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


def forward_of(forward: Forward, indices: Tensor) -> Forward:
    """Return the model as a function of some of the images (N,); most models do not care which they see.

    One whose outputs depend on an image's place in the batch, such as that of a victim, has a method ``only``.
    """
    only: Callable[[Tensor], Forward] | None = getattr(forward, 'only', None)
    return forward if only is None else only(indices)


def region_in(region: Tensor, size: Sequence[int]) -> Tensor:
    """Stretch a region (B, 1, H, W), bool, to a size; what it covers in part is covered."""
    return F.adaptive_max_pool2d(region.float(), tuple(size)) > 0


def reading(forward: Forward, tokens: str) -> Forward:
    """Return the model as a function that gives other tokens of its embedding; most models have but one output.

    One that has more, such as that of a victim, has a method ``reading``.
    """
    other: Callable[[str], Forward] | None = getattr(forward, 'reading', None)
    return forward if other is None else other(tokens)


def _mean(every_values: Sequence[ObjectiveValues]) -> ObjectiveValues:
    """The mean over calls of a random model; an attack has succeeded if it does in most."""
    if len(every_values) == 1:
        return every_values[0]
    loss, final_loss, score = (
        torch.stack([getattr(values, name) for values in every_values]).mean(dim=0)
        for name in ('loss', 'final_loss', 'score')
    )
    successes = torch.stack([values.success for values in every_values])
    return ObjectiveValues(loss, final_loss, score, 2 * successes.sum(dim=0) > len(every_values))


def _joined(every_values: Sequence[ObjectiveValues]) -> ObjectiveValues:
    """What the parts of a batch are worth, as one."""
    return ObjectiveValues(*map(torch.cat, zip(*every_values)))
