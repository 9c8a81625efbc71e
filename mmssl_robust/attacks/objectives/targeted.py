"""Objectives that want one certain wrong answer, for classes."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmssl_robust.attacks.upsampled import full
from mmssl_robust.utils.errors import UserError

from .base import Forward, Objective, ObjectiveValues, check_labels

LEAST_LIKELY = 'least-likely'


class TargetedCrossEntropy(Objective):
    """Minus the cross-entropy of a class that the attacker wants, for images or for every pixel.

    Logits (B, K) with true classes (B,), or (B, K, H, W) with (B, H, W). Score: minus the share of
    places where the wanted class is predicted. Success: in more than half of them. Where it is
    the true class there is nothing to gain, and ignored pixels do not count: such pixels have no loss, and an image of
    nothing else cannot be attacked with success.

    Args:
        target: The wanted class, or ``'least-likely'``: that of the lowest logit on the clean image, the same
            for all pixels of an image.
        ignore_index: Label of pixels that do not count; None for that of the data set, 255 where none says.

    Raises:
        UserError: If the target is neither.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import PGD, TargetedCrossEntropy
        >>> def net(x):  # which of the three colours is brightest
        ...     return x.mean(dim=(2, 3))
        >>> image = torch.tensor([0.50, 0.45, 0.10]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
        >>> [PGD(TargetedCrossEntropy(wanted))(net, image, torch.tensor([0])).success.item() for wanted in (1, 2)]
        [True, False]
    """

    ignore_index: int

    def __init__(self, target: int | str = LEAST_LIKELY, ignore_index: int | None = None) -> None:
        if isinstance(target, str) and target.isascii() and target.isdigit():
            target = int(target)
        if target != LEAST_LIKELY and not (isinstance(target, int) and target >= 0):
            raise UserError(f'target={target!r}: give the index of a class or {LEAST_LIKELY!r}')
        self.target = target
        self.keep_thresholds(ignore_index=ignore_index)

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Return the wanted class where it counts, else -1, in the shape of the true ones."""
        targets = super().prepare(forward, inputs, targets)
        true = check_labels(targets, targets.ndim, 'TargetedCrossEntropy')
        logits = full(forward(inputs))
        if logits.ndim != true.ndim + 1 or logits.shape[2:] != true.shape[1:]:
            raise ValueError(f'logits are {tuple(logits.shape)}, but targets {tuple(true.shape)}')
        wanted = self._wanted(logits).view(-1, *[1] * (true.ndim - 1)).expand_as(true)
        ignored = true == self.ignore_index if true.ndim > 1 else torch.zeros_like(true, dtype=torch.bool)
        return torch.where((wanted == true) | ignored, -1, wanted)

    def _wanted(self, logits: Tensor) -> Tensor:
        if isinstance(self.target, str):  # LEAST_LIKELY
            return logits.flatten(2).mean(dim=2).argmin(dim=1) if logits.ndim > 2 else logits.argmin(dim=1)
        if self.target >= logits.shape[1]:
            raise UserError(f'target={self.target}, but the model has {logits.shape[1]} classes, counted from 0')
        return torch.full((len(logits),), self.target, device=logits.device)

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return minus the mean cross-entropy (B,) of the wanted class, the same at every step."""
        return self._mean(-self._losses(outputs, targets), targets)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return minus the share of places that count in which the wanted class is predicted."""
        # Not its probability, of which two iterates may have more and less and yet only the latter be a success.
        guess = outputs.max(dim=1).indices if targets.ndim > 1 else outputs.argmax(dim=1)
        return -self._mean((guess == targets).to(outputs.dtype), targets)

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether the wanted class is predicted in more than half of the places that count."""
        return self.score(outputs, targets) < -0.5

    def values(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> ObjectiveValues:
        """Return all measures, from one look for the highest logits."""
        loss, score = self(outputs, targets, step, steps), self.score(outputs.detach(), targets)
        return ObjectiveValues(loss, loss.detach(), score, score < -0.5)

    def flat(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return whether the wanted class counts nowhere."""
        return ~(targets >= 0).reshape(len(targets), -1).any(dim=1)

    def idle(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return whether the wanted class counts nowhere, or is predicted already wherever it does."""
        return self.flat(score, targets) | (score <= -1)

    def _losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets, ignore_index=-1, reduction='none')

    def _mean(self, values: Tensor, targets: Tensor) -> Tensor:
        counts = (targets >= 0).reshape(len(targets), -1)
        return (values.reshape(counts.shape) * counts).sum(dim=1) / counts.sum(dim=1).clamp(min=1)
