"""The classification objective."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import Forward, Objective, check_labels


class CrossEntropy(Objective):
    """Cross-entropy of the true class: logits (B, K), targets (B,) class indices.

    Score: accuracy, 0 or 1. Success: another class is predicted. Used by PGD
    in Madry et al., *Towards Deep Learning Models Resistant to Adversarial
    Attacks*, ICLR 2018.
    """

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Demand one class index for each image."""
        return check_labels(super().prepare(forward, inputs, targets), 1, 'CrossEntropy')

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the cross-entropy (B,), the same at every step."""
        if outputs.ndim != 2:
            raise ValueError(f'CrossEntropy needs logits (B, K), got {tuple(outputs.shape)}: use SegPGDLoss for maps')
        # log(1 + exp(m)), m = log sum over the others - true logit. Equal to F.cross_entropy, but a saturated
        # model keeps its gradient: 1 - p of the true class rounds to 0 in float32 from a margin of 17 on.
        true = targets[:, None]
        others = outputs.scatter(1, true, -torch.inf).logsumexp(dim=1)
        return -F.logsigmoid(outputs.gather(1, true)[:, 0] - others)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return 1 where the true class is predicted, else 0."""
        return (outputs.argmax(dim=1) == targets).to(outputs.dtype)

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether another class is predicted."""
        return outputs.argmax(dim=1) != targets
