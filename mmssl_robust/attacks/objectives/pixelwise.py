"""Cross-entropy of every pixel and its gradient, in bands of rows: no map of logits at full size is kept."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmssl_robust.attacks.upsampled import Outputs, Upsampled

ROWS = 16  # of a band, where an image is large
_BAND = dict(cpu=2**20, cuda=2**26)  # entries of a band: what stays in a CPU's cache, what keeps a GPU busy


@dataclass(frozen=True)
class Pixels:
    """What a loss may know of each pixel (b, r, W) of some rows of some images.

    Attributes:
        losses: Cross-entropy; the only one with a gradient.
        right: Whether the arg max is the label, bool.
        log_norm: Returns the logarithm of the Euclidean norm of the probabilities.
    """

    losses: Tensor
    right: Tensor
    log_norm: Callable[[], Tensor]


Weigh = Callable[[Pixels], tuple[Tensor, Tensor]]
Axes = tuple[Tensor, Tensor]
"""Rows and columns of :class:`Upsampled`."""


def pixel_sums(
    outputs: Outputs, labels: Tensor, weights: Tensor, counts: Tensor, weigh: Weigh
) -> tuple[Tensor, Tensor, Tensor]:
    """Sum a function of each pixel's cross-entropy over an image, with an exact gradient for the logits.

    Args:
        outputs: Logits (B, K, H, W), also as small maps, which are the faster way.
        labels: (B, H, W), all in 0..K-1.
        weights: Factor of each pixel's loss (B, H, W).
        counts: Factor of each pixel that is right (B, H, W).
        weigh: Gets the pixels of a band; returns the loss of each, differentiable in
            ``Pixels.losses``, and that by which iterates are compared, (b, r, W) each.

    Returns:
        Three sums (B,): of the losses, of the losses that compare iterates, of the pixels that are right. Only the
        first has a gradient.
    """
    low, axes = (outputs.low, (outputs.rows, outputs.columns)) if isinstance(outputs, Upsampled) else (outputs, None)
    sums: tuple[Tensor, Tensor, Tensor] = _PixelSums.apply(  # type: ignore[no-untyped-call]  # a gap in PyTorch's types
        low, axes, labels, weights, counts, weigh
    )
    return sums


class _PixelSums(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        low: Tensor,
        axes: Axes | None,
        labels: Tensor,
        weights: Tensor,
        counts: Tensor,
        weigh: Weigh,
    ) -> tuple[Tensor, Tensor, Tensor]:
        total, final_total, right_total = (low.new_zeros(len(low)) for _ in range(3))
        grad = _Gradient(low, axes) if ctx.needs_input_grad[0] else None
        source = low.detach().transpose(1, 2).contiguous()  # (B, h, K, w): a band's rows lie together
        for images, band in _bands(len(low), low.shape[1], labels.shape[1:], low.device.type):
            place = (images, band)
            logits, used = _logits(source[images], axes, images, band)
            losses, right, factors = _cross_entropies(logits, labels[place])
            with torch.enable_grad():
                losses.requires_grad_(grad is not None)
                loss, final_loss = weigh(Pixels(losses, right, factors.log_norm))
                loss = (loss * weights[place]).sum(dim=(1, 2))
            total[images] += loss.detach()
            final_total[images] += (final_loss.detach() * weights[place]).sum(dim=(1, 2))
            right_total[images] += (right * counts[place]).sum(dim=(1, 2))
            if grad is not None:
                (slope,) = torch.autograd.grad(loss, losses, torch.ones_like(loss))
                grad.add(factors.gradient(slope), images, band, used)
        if grad is not None:
            ctx.save_for_backward(grad.of_low())
        ctx.mark_non_differentiable(final_total, right_total)
        return total, final_total, right_total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        (of_low,) = ctx.saved_tensors
        return (grad[:, None, None, None] * of_low, *[None] * 5)


def _bands(images: int, classes: int, size: Sequence[int], device: str) -> Iterator[tuple[slice, slice]]:
    """Yield which images and which of their rows are worked on at a time."""
    height, width = size
    room = _BAND.get(device, _BAND['cuda']) // (classes * width)
    several = min(max(room // min(ROWS, height), 1), images)
    rows = min(max(room // several, ROWS), height)
    for first in range(0, images, several):
        for top in range(0, height, rows):
            yield slice(first, first + several), slice(top, top + rows)


def _logits(source: Tensor, axes: Axes | None, images: slice, band: slice) -> tuple[Tensor, Tensor | None]:
    """Return logits (b, r, K, W) of a band, and the small rows that it is made of."""
    if axes is None:
        return source[:, band].clone(), None
    rows, columns = (_of(axis, images) for axis in axes)
    weights = rows[:, band]
    used = (weights != 0).flatten(0, 1).any(dim=0).nonzero()[:, 0]
    wide = source[:, used] @ columns[:, None].mT  # (b, u, K, W)
    return (weights[:, :, used] @ wide.flatten(2)).unflatten(2, wide.shape[2:]), used


def _of(matrices: Tensor, images: slice) -> Tensor:
    return matrices if len(matrices) == 1 else matrices[images]


@dataclass(frozen=True)
class _Factors:
    """Softmax of a band without its denominator: e^(z - max), that of the label apart."""

    others: Tensor  # (b, r, K, W), 0 at the label
    label: Tensor  # (b, r, W)
    sum_others: Tensor  # (b, r, W)
    index: Tensor  # (b, r, 1, W)

    def log_norm(self) -> Tensor:
        square = self.others.square().sum(dim=2) + self.label.square()
        return square.log() / 2 - (self.sum_others + self.label).log()

    def gradient(self, slope: Tensor) -> Tensor:
        """Return slope times (probabilities - one-hot), in place of ``others``."""
        slope = slope / (self.sum_others + self.label)
        # Not p - 1, which is 0 in float32 from a margin of 17 on, but what the others have.
        grad = self.others.mul_(slope[:, :, None])
        return grad.scatter_(2, self.index, -(slope * self.sum_others)[:, :, None])


def _cross_entropies(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, _Factors]:
    """Return cross-entropy and arg max == label of each pixel (b, r, W); overwrites the logits (b, r, K, W)."""
    top, guess = logits.max(dim=2)
    index = labels[:, :, None]
    margin = top - logits.gather(2, index)[:, :, 0]
    label = (-margin).exp()
    others = logits.sub_(top[:, :, None]).exp_().scatter_(2, index, 0)
    sum_others = others.sum(dim=2)
    losses = margin + torch.log1p(sum_others + (label - 1))  # exact where the label is the maximum
    return losses, guess == labels, _Factors(others, label, sum_others, index)


class _Gradient:
    """Collects the gradient for the small maps, band by band."""

    def __init__(self, low: Tensor, axes: Axes | None) -> None:
        self.axes = axes
        batch, classes, height, width = low.shape
        self.total = low.new_zeros(batch, height, classes, width)

    def add(self, grad: Tensor, images: slice, band: slice, used: Tensor | None) -> None:
        """Add that of a band (b, r, K, W)."""
        if used is None or self.axes is None:
            self.total[images, band] = grad
            return
        rows, columns = (_of(axis, images) for axis in self.axes)
        weights = rows[:, band][:, :, used]
        wide = (weights.mT @ grad.flatten(2)).unflatten(2, grad.shape[2:])
        self.total[images] = self.total[images].index_add(1, used, wide @ columns[:, None])

    def of_low(self) -> Tensor:
        """Return the sum (B, K, h, w)."""
        return self.total.transpose(1, 2)
