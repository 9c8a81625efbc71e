"""What an attacker wants."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

import torch
from torch import Tensor

from mmssl_robust.attacks.upsampled import Outputs
from mmssl_robust.utils.thresholds import HasThresholds

Forward = Callable[[Tensor], Outputs]
Tokens = Literal['task', 'cls', 'patch', 'both', 'every']
AnyObjective = TypeVar('AnyObjective', bound='Objective')


class ObjectiveValues(NamedTuple):
    """What an iterate of an attack is worth, (B,) each.

    Attributes:
        loss: The loss to maximise at this step; the only one with a gradient.
        final_loss: The loss at the attack's last step, comparable between iterates of different steps.
        score: The quality that the attacker wants low; ranks an image's iterates.
        success: Whether the attack has succeeded, bool.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import CrossEntropy
        >>> logits, labels = torch.zeros(1, 10, requires_grad=True), torch.tensor([3])
        >>> values = CrossEntropy().values(logits, labels, step=1, steps=20)
        >>> values.score, values.success  # an accuracy; class 0 is predicted
        (tensor([0.]), tensor([True]))
        >>> values.loss.requires_grad, values.final_loss.requires_grad
        (True, False)
    """

    loss: Tensor
    final_loss: Tensor
    score: Tensor
    success: Tensor


class Objective(HasThresholds, ABC):
    """A loss to maximise, and the measures by which its outcome is judged.

    Every method returns one number for each image, which depends on that image
    alone. An objective keeps no state between calls.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import PGD, Objective
        >>> class Brightness(Objective):
        ...     def __call__(self, outputs, targets, step, steps):
        ...         return outputs.mean(dim=(1, 2, 3))
        ...     def score(self, outputs, targets):
        ...         return -self(outputs, targets, 1, 1)
        ...     def success(self, outputs, targets):
        ...         return self(outputs, targets, 1, 1) > 0.5
        >>> image = torch.full((1, 3, 8, 8), 0.4)
        >>> PGD(Brightness(), eps=0.2, step_size=0.05)(torch.nn.Identity(), image, torch.zeros(1)).adv.unique()
        tensor([0.6000])
    """

    reads: ClassVar[Literal['prediction', 'embedding']] = 'prediction'
    """Which output of a victim it differentiates."""

    tokens: Tokens = 'task'
    """What a victim hands over as the embedding, where that is what is read."""

    from_clean: bool = False
    """Whether, without targets, the outputs for the clean image are the reference."""

    needs_random_start: bool = False
    """Whether the loss has no gradient at the clean image."""

    has_aims: ClassVar[bool] = False
    """Whether restarts differ in what they aim at, see :meth:`aim`."""

    takes_upsampled: ClassVar[bool] = False
    """Whether outputs may be :class:`~mmssl_robust.attacks.upsampled.Upsampled` in place of large maps."""

    def told(self: AnyObjective, thresholds: Mapping[str, float]) -> AnyObjective:
        """Return the objective with the thresholds of the data that it is to attack.

        Args:
            thresholds: Name -> value, see :meth:`take_thresholds`.

        Raises:
            UserError: If it was built with another one.
        """
        objective = copy.copy(self)
        objective.take_thresholds(thresholds)
        return objective

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Check or complete the targets, once before an attack; gradients are off.

        Args:
            forward: The model under attack.
            inputs: Clean images (B, C, H, W).
            targets: Ground truth, or None.

        Returns:
            The targets that the other methods are given.

        Raises:
            ValueError: If targets are missing or not one for each image.
        """
        if targets is None:
            raise ValueError(f'{type(self).__name__} needs targets: pass the ground truth')
        if len(targets) != len(inputs):
            raise ValueError(f'{len(targets)} targets for {len(inputs)} images: pass one for each')
        return targets

    def aims(self, targets: Tensor) -> int | None:
        """Return how many aims there are, more restarts than which are not made; None if restarts have no aim."""
        return None

    def aim(self, targets: Tensor, restart: int) -> Tensor:
        """Return the targets of a restart, counted from 0; an objective with several aims takes one after the other.

        Args:
            targets: What :meth:`prepare` returned.
            restart: Number of the restart.
        """
        return targets

    @abstractmethod
    def __call__(self, outputs: Any, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the loss to maximise (B,).

        Args:
            outputs: The model's outputs, batch first: a tensor, unless :attr:`takes_upsampled`.
            targets: What :meth:`prepare` returned.
            step: Number of the step, from 1 to ``steps``.
            steps: How many steps the attack takes.
        """

    @abstractmethod
    def score(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return the quality (B,) that the attacker wants low; ranks an image's iterates."""

    @abstractmethod
    def success(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return whether the attack has succeeded (B,), bool."""

    def broken(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return whether so little is left of the quality as must be in a ball that holds every image (B,), bool."""
        return self.success(outputs, targets)

    def halved(self, found: ObjectiveValues, clean: ObjectiveValues, targets: Tensor) -> Tensor:
        """Return whether at most half of the clean quality is left (B,), bool; of an error, whether it has doubled.

        An error is a score below 0. A class that is lost has no quality left.

        Args:
            found: What an iterate is worth.
            clean: What the image as it is was worth.
            targets: What :meth:`aim` returned.
        """
        return found.score <= torch.where(clean.score > 0, clean.score / 2, 2 * clean.score)

    def outside(self, targets: Tensor, region: Tensor) -> Tensor:
        """Return targets of which those in a region do not count; what is no map stays as it is.

        Args:
            targets: What :meth:`prepare` returned; maps (B, H, W) or (B, 1, H, W), or anything else.
            region: (B, 1, H, W) bool, in the places of the maps.
        """
        return targets

    def flat(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return whether the loss of an image has no gradient by its nature (B,), bool; a zero there says nothing.

        Args:
            score: What :meth:`score` says of an iterate.
            targets: What :meth:`aim` returned.
        """
        return torch.zeros_like(score, dtype=torch.bool)

    def idle(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return whether there is nothing to attack (B,), bool: nothing counts, or all that counts is lost already.

        The arguments are those of :meth:`flat`. An attack may still raise the loss of what is lost.
        """
        return self.flat(score, targets)

    def chance(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return the score (B,) of a prediction that knows nothing of the image; NaN where that is not known."""
        return torch.full((len(targets),), torch.nan, dtype=outputs.dtype, device=targets.device)

    def values(self, outputs: Any, targets: Tensor, step: int, steps: int) -> ObjectiveValues:
        """Return all of the above at once; the arguments are those of :meth:`__call__`.

        To be overridden where the loss changes from step to step, or where one look at the outputs
        serves several measures.
        """
        loss = self(outputs, targets, step, steps)
        outputs = outputs.detach()
        return ObjectiveValues(loss, loss.detach(), self.score(outputs, targets), self.success(outputs, targets))


def check_labels(labels: Tensor, ndim: int, owner: str) -> Tensor:
    """Return integer labels with ``ndim`` axes as int64.

    Raises:
        ValueError: If there are more or fewer axes, no integers, or negative numbers, which PyTorch's
            cross-entropy would partly ignore without a word.
    """
    if labels.ndim != ndim or labels.is_floating_point() or labels.is_complex():
        raise ValueError(f'{owner} needs integer labels with {ndim} axes, got {labels.dtype} {tuple(labels.shape)}')
    if labels.numel() and labels.min() < 0:
        raise ValueError(f'{owner} got a negative label: labels are class indices')
    return labels.long()
