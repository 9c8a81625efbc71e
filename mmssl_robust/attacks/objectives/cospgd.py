"""CosPGD: pixels weigh by how far the prediction is on the label's side."""

import torch
from torch import Tensor

from .segmentation import SegmentationObjective


class CosPGDLoss(SegmentationObjective):
    """Cross-entropy of each pixel times the cosine between its probabilities and its label, one-hot.

    The cosine is ``p_y / ||p||``, a weight without a gradient. Pixels that are already wrong hardly count. From
    Agnihotri et al., *CosPGD: an efficient white-box adversarial attack for pixel-wise prediction tasks*, ICML 2024.
    Everything else as in :class:`SegmentationObjective`.
    """

    def weigh(
        self, losses: Tensor, outputs: Tensor, targets: Tensor, right: Tensor, step: int, steps: int
    ) -> tuple[Tensor, Tensor]:
        """Return the weighted cross-entropies, the same at every step; iterates are compared by cross-entropy."""
        with torch.no_grad():
            # log ||softmax(z)|| = logsumexp(2 z) / 2 - logsumexp(z), without a map of probabilities.
            log_norm = (2 * outputs).logsumexp(dim=1) / 2 - outputs.logsumexp(dim=1)
            cosine = (-losses - log_norm).exp()
        return cosine * losses, losses
