"""What all objectives for semantic segmentation share."""

from abc import abstractmethod

import torch
from torch import Tensor

from mmssl_robust.attacks.upsampled import Outputs, full

from .base import Forward, Objective, ObjectiveValues, check_labels
from .pixelwise import Pixels, pixel_sums


class SegmentationObjective(Objective):
    """A mean over pixels of some function of their cross-entropy.

    Logits (B, K, H, W), neither soft-maxed nor scaled, or as :class:`Upsampled`; targets (B, H, W) class indices. The
    mean is over an image's valid pixels, not H W, so that the ignored ones do not scale the loss; an image without any
    has loss and gradient zero.

    Score: pixel accuracy. Success: fewer than half of the valid pixels are right. Without a valid pixel the accuracy
    counts as 1 and nothing succeeds.

    Args:
        ignore_index: Label of pixels that do not count; None for that of the data set, 255 where none says.
    """

    takes_upsampled = True

    ignore_index: int

    def __init__(self, ignore_index: int | None = None) -> None:
        self.keep_thresholds(ignore_index=ignore_index)

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Demand one map of class indices for each image."""
        return check_labels(super().prepare(forward, inputs, targets), 3, type(self).__name__)

    @abstractmethod
    def weigh(self, pixels: Pixels, step: int, steps: int) -> tuple[Tensor, Tensor]:
        """Return the loss of each pixel (b, r, W), and that by which iterates are compared.

        Args:
            pixels: Some rows of some images. The loss is a function of their cross-entropy.
            step: Number of the step, from 1 to ``steps``.
            steps: How many steps the attack takes.
        """

    def scale(self, labels: Tensor, valid: Tensor, classes: int) -> Tensor | None:
        """Return a factor of each pixel's loss (B, H, W) that follows from the labels alone, or None."""
        return None

    def __call__(self, outputs: Outputs, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the loss (B,) of a step."""
        return self.values(outputs, targets, step, steps).loss

    def score(self, outputs: Outputs, targets: Tensor) -> Tensor:
        """Return the share of valid pixels that are right."""
        return self.values(outputs, targets, 1, 1).score

    def success(self, outputs: Outputs, targets: Tensor) -> Tensor:
        """Return whether fewer than half of the valid pixels are right."""
        return self.score(outputs, targets) < 0.5

    def broken(self, outputs: Outputs, targets: Tensor) -> Tensor:
        """Return whether at most 5 % of the valid pixels are right."""
        return self.score(outputs, targets) <= 0.05

    def flat(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return whether no pixel is valid, or none is right any more."""
        return (score == 0) | ~(targets != self.ignore_index).flatten(1).any(dim=1)

    def outside(self, targets: Tensor, region: Tensor) -> Tensor:
        """Return targets with the label that does not count in a region."""
        return torch.where(region[:, 0], self.ignore_index, targets)

    def chance(self, outputs: Outputs, targets: Tensor) -> Tensor:
        """Return the pixel accuracy, were the predictions of the valid pixels in random order.

        A prediction that is one class everywhere scores just that, however many pixels the class covers. Where all
        pixels have one class, the accuracy of guessing.
        """
        classes, values = outputs.shape[1], []
        for guesses, labels in zip(full(outputs).argmax(dim=1), targets):
            valid = labels != self.ignore_index
            guessed, true = (torch.bincount(one[valid], minlength=classes).double() for one in (guesses, labels))
            shares = guessed * true / valid.sum().clamp(min=1).square()
            values.append(shares.sum() if (true > 0).sum() > 1 else shares.new_tensor(1 / classes))
        return torch.stack(values).to(outputs.dtype)

    def values(self, outputs: Outputs, targets: Tensor, step: int, steps: int) -> ObjectiveValues:
        """Return all measures from one look at the logits."""
        batch, classes, *size = outputs.shape
        valid = targets != self.ignore_index
        labels = torch.where(valid, targets, 0)
        _check(labels, (batch, *size), classes)
        count = valid.sum(dim=(1, 2), keepdim=True)
        counts = valid.to(outputs.dtype) / count.clamp(min=1)
        scale = self.scale(labels, valid, classes)
        weights = counts if scale is None else counts * scale
        loss, final_loss, share = pixel_sums(
            outputs, labels, weights, valid.to(outputs.dtype), lambda pixels: self.weigh(pixels, step, steps)
        )
        share = torch.where(count[:, 0, 0] > 0, share / count[:, 0, 0].clamp(min=1), 1)
        return ObjectiveValues(loss, final_loss, share, share < 0.5)


def _check(labels: Tensor, size: tuple[int, ...], classes: int) -> None:
    if labels.shape != size:
        raise ValueError(f'labels {tuple(labels.shape)} do not fit logits of {size[0]} images of {size[1:]}')
    if labels.numel() and labels.max() >= classes:
        raise ValueError(f'label {int(labels.max())}, but there are {classes} classes, counted from 0')
