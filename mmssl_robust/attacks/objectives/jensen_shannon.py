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
    """

    def weigh(self, pixels: Pixels, step: int, steps: int) -> tuple[Tensor, Tensor]:
        """Return the divergences, the same at every step."""
        p = (-pixels.losses).exp()
        divergence = log(2) + (-p * pixels.losses - (1 + p) * torch.log1p(p)) / 2
        return divergence, divergence
