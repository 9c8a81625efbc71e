"""The segmentation objective, Eq. (1) of the paper."""

import torch
from torch import Tensor

from .pixelwise import Pixels
from .segmentation import SegmentationObjective


class SegPGDLoss(SegmentationObjective):
    r"""Cross-entropy that turns from the pixels still right to those already wrong.

    With :math:`P^T` and :math:`P^F` the valid pixels that are classified right
    and wrong at this step:

    .. math::
        L = \frac{1-\lambda_t}{N} \sum_{P^T} CE + \frac{\lambda_t}{N} \sum_{P^F} CE,
        \qquad \lambda_t = \frac{t-1}{2T}, \quad t = 1 \ldots T

    N, logits, targets, score, success and ``ignore_index`` are those of :class:`SegmentationObjective`.

    From Gu et al., *SegPGD: An Effective and Efficient Adversarial Attack for
    Evaluating and Boosting Segmentation Robustness*, ECCV 2022.
    """

    def weigh(self, pixels: Pixels, step: int, steps: int) -> tuple[Tensor, Tensor]:
        """Return the terms of Eq. (1) at step t of T, and at step T."""
        return _weighed(pixels, (step - 1) / (2 * steps)), _weighed(pixels, (steps - 1) / (2 * steps))


def _weighed(pixels: Pixels, of_wrong: float) -> Tensor:
    # Of two numbers torch.where makes float32, whatever the losses are.
    return torch.where(pixels.right, (1 - of_wrong) * pixels.losses, of_wrong * pixels.losses)
