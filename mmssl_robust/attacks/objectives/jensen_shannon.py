"""The bounded loss of SEA."""

from math import log

import torch
from torch import Tensor

from .pixelwise import Pixels
from .segmentation import SegmentationObjective


class JensenShannon(SegmentationObjective):
    r"""Jensen-Shannon divergence between each pixel's probabilities and its label, one-hot.

    Of the probabilities only that of the label remains in it:
    :math:`\log 2 + \frac12 (p \log p - (1 + p) \log(1 + p))`. It is at most log 2, so that pixels that are wrong
    beyond doubt lose their gradient to those that are not. From Croce et al., *Towards Reliable Evaluation and Fast
    Training of Robust Semantic Segmentation Models*, ECCV 2024. Everything else as in :class:`SegmentationObjective`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import JensenShannon
        >>> labels = torch.zeros(2, 8, 8, dtype=torch.long)
        >>> unsure, wrong = torch.tensor([[0.0, 0.0], [0.0, 99.0]]).view(2, 2, 1, 1).expand(2, 2, 8, 8)
        >>> JensenShannon()(torch.stack([unsure, wrong]), labels, step=1, steps=20)  # at p = 1/2, and log 2 at p = 0
        tensor([0.2158, 0.6931])
    """

    def weigh(self, pixels: Pixels, step: int, steps: int) -> tuple[Tensor, Tensor]:
        """Return the divergences, the same at every step."""
        p = (-pixels.losses).exp()
        divergence = log(2) + (-p * pixels.losses - (1 + p) * torch.log1p(p)) / 2
        return divergence, divergence
