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

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import SegPGDLoss
        >>> logits = torch.tensor([[0.0, 100.0], [0.0, 0.0]]).view(1, 2, 1, 2)
        >>> labels = torch.tensor([[[0, 1]]])  # the left pixel is right, the other is not
        >>> SegPGDLoss()(logits, labels, step=1, steps=2)  # log 2 / 2
        tensor([0.3466])
        >>> SegPGDLoss()(logits, labels, step=2, steps=2)  # (3/4 log 2 + 1/4 100) / 2
        tensor([12.7599])
    """

    def weigh(self, pixels: Pixels, step: int, steps: int) -> tuple[Tensor, Tensor]:
        """Return the terms of Eq. (1) at step t of T, and at step T."""
        return _weighed(pixels, (step - 1) / (2 * steps)), _weighed(pixels, (steps - 1) / (2 * steps))


def _weighed(pixels: Pixels, of_wrong: float) -> Tensor:
    # Of two numbers torch.where makes float32, whatever the losses are.
    return torch.where(pixels.right, (1 - of_wrong) * pixels.losses, of_wrong * pixels.losses)
