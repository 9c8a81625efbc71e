"""The masked losses of SEA: only what is still right is attacked."""

import torch
from torch import Tensor

from .segmentation import SegmentationObjective


class MaskedCrossEntropy(SegmentationObjective):
    """Cross-entropy of the pixels that are still right; the others have no loss.

    From Croce et al., *Towards Reliable Evaluation and Fast Training of Robust Semantic Segmentation Models*, ECCV
    2024. Everything else as in :class:`SegmentationObjective`.
    """

    def weigh(
        self, losses: Tensor, outputs: Tensor, targets: Tensor, right: Tensor, step: int, steps: int
    ) -> tuple[Tensor, Tensor]:
        """Return the masked cross-entropies; iterates, whose masks differ, are compared by the whole one."""
        return losses * right, losses


class BalancedMaskedCrossEntropy(SegmentationObjective):
    """Cross-entropy of the pixels that are still right, over the share of the image that their class covers.

    Small classes weigh as much as large ones, as they do in the mIoU. From Croce et al., 2024; see
    :class:`MaskedCrossEntropy`.
    """

    def weigh(
        self, losses: Tensor, outputs: Tensor, targets: Tensor, right: Tensor, step: int, steps: int
    ) -> tuple[Tensor, Tensor]:
        """Return the balanced masked cross-entropies; iterates are compared by the balanced whole one."""
        balanced = losses * self._weights(targets, outputs.shape[1], losses.dtype)
        return balanced * right, balanced

    def _weights(self, targets: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
        """For each pixel (B, H, W) one over the share of its class, and over the number of classes present."""
        valid = targets != self.ignore_index
        labels = torch.where(valid, targets, 0).flatten(1)
        counts = torch.zeros(len(targets), classes, dtype=dtype, device=targets.device)
        counts.scatter_add_(1, labels, valid.flatten(1).to(dtype))
        present = (counts > 0).sum(dim=1, keepdim=True).clamp(min=1)
        weights = counts.sum(dim=1, keepdim=True) / (counts.clamp(min=1) * present)
        return weights.gather(1, labels).view_as(targets)
