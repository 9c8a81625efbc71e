"""CosPGD: pixels weigh by how far the prediction is on the label's side."""

from torch import Tensor

from .pixelwise import Pixels
from .segmentation import SegmentationObjective


class CosPGDLoss(SegmentationObjective):
    """Cross-entropy of each pixel times the cosine between its probabilities and its label, one-hot.

    The cosine is ``p_y / ||p||``, a weight without a gradient. Pixels that are already wrong hardly count. From
    Agnihotri et al., *CosPGD: an efficient white-box adversarial attack for pixel-wise prediction tasks*, ICML 2024.
    Everything else as in :class:`SegmentationObjective`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import CosPGDLoss
        >>> logits, labels = torch.zeros(1, 2, 8, 8), torch.zeros(1, 8, 8, dtype=torch.long)
        >>> CosPGDLoss()(logits, labels, step=1, steps=20)  # log 2 times the cosine, 1 / sqrt 2
        tensor([0.4901])
    """

    def weigh(self, pixels: Pixels, step: int, steps: int) -> tuple[Tensor, Tensor]:
        """Return the weighted cross-entropies, the same at every step; iterates are compared by cross-entropy."""
        cosine = (-pixels.losses.detach() - pixels.log_norm()).exp()
        return cosine * pixels.losses, pixels.losses
