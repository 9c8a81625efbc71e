"""The segmentation objective, Eq. (1) of the paper."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import Forward, Judgement, Objective, check_labels


class SegPGDLoss(Objective):
    r"""Cross-entropy that turns from correctly to wrongly classified pixels as the attack goes on.

    Eq. (1), with the sets :math:`P^T` and :math:`P^F` of pixels that are right
    and wrong at this step:

    .. math::
        L = \frac{1-\lambda_t}{N} \sum_{P^T} CE + \frac{\lambda_t}{N} \sum_{P^F} CE,
        \qquad \lambda_t = \frac{t-1}{2T}, \quad t = 1 \ldots T

    N counts an image's valid pixels, not H W, so that the ignored ones do not
    scale the loss; an image without any has loss and gradient zero. Logits (B, K, H, W),
    neither soft-maxed nor scaled; targets (B, H, W) class indices.

    Score: pixel accuracy. Success: fewer than half of the valid pixels are
    right. Without a valid pixel the accuracy counts as 1 and nothing succeeds.

    From Gu et al., *SegPGD: An Effective and Efficient Adversarial Attack for
    Evaluating and Boosting Segmentation Robustness*, ECCV 2022.

    Args:
        ignore_index: Label of pixels that belong to neither set.
    """

    def __init__(self, ignore_index: int = 255) -> None:
        self.ignore_index = ignore_index

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Demand one map of class indices for each image."""
        return check_labels(super().prepare(forward, inputs, targets), 3, 'SegPGDLoss')

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return Eq. (1) (B,) at step t of T."""
        return self.judge(outputs, targets, step, steps).loss

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of valid pixels that are right."""
        return self._accuracy(_right(outputs, targets), targets, outputs.dtype)

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether fewer than half of the valid pixels are right."""
        return self.score(outputs, targets) < 0.5

    def judge(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Judgement:
        """Return all measures from one cross-entropy and one arg max: maps of logits are large."""
        losses = F.cross_entropy(outputs, targets, ignore_index=self.ignore_index, reduction='none')
        right = _right(outputs, targets)
        score = self._accuracy(right, targets, outputs.dtype)
        return Judgement(
            loss=self._weigh(losses, right, targets, step, steps),
            final_loss=self._weigh(losses.detach(), right, targets, steps, steps),
            score=score,
            success=score < 0.5,
        )

    def _weigh(self, losses: Tensor, right: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Eq. (1) of per-pixel cross-entropies (B, H, W), which are 0 where ignored."""
        wrong_weight = (step - 1) / (2 * steps)
        weights = torch.where(right, 1 - wrong_weight, wrong_weight)
        valid = (targets != self.ignore_index).sum(dim=(1, 2))
        return (weights * losses).sum(dim=(1, 2)) / valid.clamp(min=1)

    def _accuracy(self, right: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
        valid = targets != self.ignore_index
        pixels = valid.sum(dim=(1, 2))
        return torch.where(pixels > 0, (right & valid).sum(dim=(1, 2)).to(dtype) / pixels.clamp(min=1), 1)


def _right(logits: Tensor, targets: Tensor) -> Tensor:
    """Return where the arg max is the target; ``max`` finds it four times faster than ``argmax`` on CPU."""
    return logits.detach().max(dim=1).indices == targets
