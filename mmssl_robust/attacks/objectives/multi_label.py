"""Objectives for images that any number of classes may be true of."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import Forward, Objective, ObjectiveValues


class MultiLabelObjective(Objective):
    """A loss on logits (B, K), whose sigmoid is a class's score, and targets (B, K): 1 true, 0 false, -1 not counted.

    Score: mean score of an image's true classes minus that of its false ones, where 0.5 stands for the mean of none.
    Success: it is negative, so that the false classes are on average ranked above the true ones. Where no class counts
    the score is 0 and nothing succeeds.
    """

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Demand 1, 0 or -1 for each image and class."""
        targets = super().prepare(forward, inputs, targets)
        if targets.ndim != 2 or not torch.isin(targets, torch.tensor([-1, 0, 1], device=targets.device)).all():
            raise ValueError(
                f'{type(self).__name__} needs targets (B, K) of 1, 0 and -1, got {targets.dtype} {tuple(targets.shape)}'
            )
        return targets.long()

    def values(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> ObjectiveValues:
        """Return all measures at once."""
        check_classes(outputs, targets)
        return super().values(outputs, targets, step, steps)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean score of the true classes minus that of the false ones."""
        excess = outputs.sigmoid() - 0.5
        return masked_mean(excess, targets == 1) - masked_mean(excess, targets == 0)

    def halved(self, found: ObjectiveValues, clean: ObjectiveValues, targets: Tensor) -> Tensor:  # noqa: ARG002
        """Return whether at most half of the clean score is left, of which one below 0 has nothing to lose."""
        return found.score <= clean.score.clamp(min=0) / 2

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether the false classes have the higher mean score."""
        return self.score(outputs, targets) < 0

    def flat(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return whether no class counts."""
        return (targets < 0).all(dim=1)

    def idle(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return whether no class counts, or the false classes have the higher mean score already."""
        return self.flat(score, targets) | (score < 0)

    def chance(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return 0, the mean score of classes in random order."""
        return torch.zeros(len(targets), dtype=outputs.dtype, device=targets.device)


class BinaryCrossEntropy(MultiLabelObjective):
    """Mean over the classes that count of ``-log p`` of the true and ``-log(1 - p)`` of the false ones.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import BinaryCrossEntropy
        >>> logits = torch.tensor([[0.0, 0.0, 50.0]])
        >>> labels = torch.tensor([[1, 0, -1]])  # true, false, and one that does not count
        >>> BinaryCrossEntropy()(logits, labels, step=1, steps=20)
        tensor([0.6931])
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the binary cross-entropy (B,), the same at every step."""
        # Of the logit and not of p, so that a saturated class keeps its gradient: 1 - p rounds to 0 from a logit of 17.
        losses = -F.logsigmoid(torch.where(targets == 1, outputs, -outputs))
        return masked_mean(losses, targets >= 0)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of (B, K) over the classes of a mask (B, K), 0 without one."""
    return torch.where(mask, values, 0).sum(dim=1) / mask.sum(dim=1).clamp(min=1)


def check_classes(outputs: Tensor, targets: Tensor) -> None:
    """Raise a ValueError unless there is a target for each logit."""
    if outputs.shape != targets.shape:
        raise ValueError(f'logits {tuple(outputs.shape)}, but targets {tuple(targets.shape)}: give one for each class')
