"""What all objectives for classification share."""

import torch
from torch import Tensor

from mmssl_robust.attacks.upsampled import full

from .base import Forward, Objective, ObjectiveValues, check_labels


class ClassificationObjective(Objective):
    """A loss on logits (B, K) whose targets (B,) are class indices.

    Score: accuracy, 0 or 1. Success: another class is predicted.
    """

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Demand one class index for each image."""
        return check_labels(super().prepare(forward, inputs, targets), 1, type(self).__name__)

    def values(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> ObjectiveValues:
        """Return all measures at once."""
        check_range(targets, outputs)
        return super().values(outputs, targets, step, steps)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return 1 where the true class is predicted, else 0."""
        return (outputs.argmax(dim=1) == targets).to(outputs.dtype)

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether another class is predicted."""
        return outputs.argmax(dim=1) != targets

    def idle(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return whether another class is predicted already; in most calls, if the model has randomness of its own."""
        return score < 0.5

    def chance(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the accuracy of guessing."""
        return torch.full((len(targets),), 1 / outputs.shape[1], dtype=outputs.dtype, device=targets.device)


class AimedObjective(ClassificationObjective):
    """A loss that raises one wrong class at a time: the most likely one, at the next restart the second, and so on.

    Which is likely the clean image decides. Success is still any wrong class, so that the restarts together are an
    untargeted attack, of at most K - 1 restarts.
    """

    has_aims = True

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Return (B, K): the true class, then the others from likely to unlikely."""
        labels = super().prepare(forward, inputs, targets)[:, None]
        logits = check_logits(full(forward(inputs)), type(self).__name__)
        check_range(labels, logits)
        others = logits.scatter(1, labels, -torch.inf)
        return torch.cat([labels, others.argsort(dim=1, descending=True)[:, :-1]], dim=1)

    def aims(self, targets: Tensor) -> int:
        """Return the number of wrong classes."""
        return targets.shape[1] - 1

    def aim(self, targets: Tensor, restart: int) -> Tensor:
        """Return (B, 2): the true class and the one to raise."""
        return targets[:, [0, 1 + restart]]

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return 1 where the true class is predicted, else 0."""
        return super().score(outputs, targets[:, 0])

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether another class than the true one is predicted."""
        return super().success(outputs, targets[:, 0])


def check_logits(outputs: Tensor, owner: str, classes: int = 2) -> Tensor:
    """Return logits (B, K) of at least so many classes.

    Raises:
        ValueError: If there are fewer, or other axes.
    """
    if outputs.ndim != 2 or outputs.shape[1] < classes:
        raise ValueError(
            f'{owner} needs logits (B, K) of at least {classes} classes, got {tuple(outputs.shape)}; for maps of '
            'classes there are objectives such as SegPGDLoss'
        )
    return outputs


def check_range(labels: Tensor, logits: Tensor) -> None:
    """Raise a ValueError if a label is none of the classes of logits (B, K), which PyTorch would say less clearly."""
    if labels.numel() and logits.ndim == 2 and labels.max() >= logits.shape[1]:
        raise ValueError(f'label {int(labels.max())}, but there are {logits.shape[1]} classes, counted from 0')
