"""The masked losses of SEA: only what is still right is attacked."""

import torch
from torch import Tensor

from .pixelwise import Pixels
from .segmentation import SegmentationObjective


class MaskedCrossEntropy(SegmentationObjective):
    """Cross-entropy of the pixels that are still right; the others have no loss.

    From Croce et al., *Towards Reliable Evaluation and Fast Training of Robust Semantic Segmentation Models*, ECCV
    2024. Everything else as in :class:`SegmentationObjective`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import MaskedCrossEntropy
        >>> labels = torch.tensor([[[0, 1]]])  # the left pixel is right, the other is not
        >>> values = MaskedCrossEntropy().values(torch.zeros(1, 2, 1, 2), labels, step=1, steps=20)
        >>> values.loss, values.score  # log 2 of one of two pixels; half of them right
        (tensor([0.3466]), tensor([0.5000]))
    """

    def weigh(self, pixels: Pixels, step: int, steps: int) -> tuple[Tensor, Tensor]:
        """Return the masked cross-entropies; iterates, whose masks differ, are compared by the whole one."""
        return pixels.losses * pixels.right, pixels.losses


class BalancedMaskedCrossEntropy(MaskedCrossEntropy):
    """Cross-entropy of the pixels that are still right, over the share of the image that their class covers.

    Small classes weigh as much as large ones, as they do in the mIoU. From Croce et al., 2024; see
    :class:`MaskedCrossEntropy`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import BalancedMaskedCrossEntropy, MaskedCrossEntropy
        >>> labels = torch.zeros(1, 8, 8, dtype=torch.long)
        >>> labels[..., 0] = 1  # an eighth of the image, of no loss; of the others it is log 2
        >>> logits = torch.stack([0 * labels, 99 * labels], dim=1).float()
        >>> MaskedCrossEntropy()(logits, labels, step=1, steps=20)  # 7/8 log 2
        tensor([0.6065])
        >>> BalancedMaskedCrossEntropy()(logits, labels, step=1, steps=20)  # 1/2 log 2
        tensor([0.3466])
    """

    def scale(self, labels: Tensor, valid: Tensor, classes: int) -> Tensor:
        """For each pixel (B, H, W) one over the share of its class, and over the number of classes present."""
        labels = labels.flatten(1)
        counts = torch.zeros(len(labels), classes, dtype=torch.float64, device=labels.device)
        counts.scatter_add_(1, labels, valid.flatten(1).to(counts.dtype))
        present = (counts > 0).sum(dim=1, keepdim=True).clamp(min=1)
        weights = counts.sum(dim=1, keepdim=True) / (counts.clamp(min=1) * present)
        return weights.gather(1, labels).view_as(valid)
