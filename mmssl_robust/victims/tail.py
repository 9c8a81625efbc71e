"""What mmseg does after the head: upsampling, averaging windows, cropping, resizing. All of it is linear."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement
from mmseg.models import BaseSegmentor, EncoderDecoder
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor

from mmssl_robust.attacks.upsampled import Upsampled, interpolation, sliding
from mmssl_robust.functional.tokens import window_starts, windows
from mmssl_robust.models.segmentors import DepthEstimator


def has_linear_tail(model: BaseSegmentor, samples: Sequence[BaseDataElement]) -> bool:
    """Whether what follows the head is mmseg's own, and so may be computed as matrices; else the model is asked."""
    head = model.decode_head
    return (
        type(model) in (EncoderDecoder, DepthEstimator)
        and isinstance(head, BaseDecodeHead)
        and type(head).predict is BaseDecodeHead.predict
        and type(head).predict_by_feat is BaseDecodeHead.predict_by_feat
        and model.test_cfg.get('mode', 'whole') in ('whole', 'slide')
        and not getattr(model.backbone, 'class_embed_select', False)
        and not any(sample.get('flip') for sample in samples)
    )


@dataclass(frozen=True)
class Grid:
    """The windows of an inference, one alone where it sees the whole image.

    Attributes:
        slides: Whether it is by sliding windows.
        tops: First row of each row of windows.
        lefts: First column of each column of windows.
        crop: Height and width of a window.
        stride: Steps from one window to the next.
    """

    slides: bool
    tops: list[int]
    lefts: list[int]
    crop: tuple[int, int]
    stride: tuple[int, int]

    @classmethod
    def of(cls, test_cfg: Any, inputs: Tensor) -> 'Grid':
        """The windows of mmseg's inference for inputs (B, C, H, W)."""
        height, width = inputs.shape[-2:]
        if not test_cfg.get('mode', 'whole').startswith('slide'):
            return cls(False, [0], [0], (height, width), (height, width))
        (tall, wide), (down, across) = test_cfg['crop_size'], test_cfg['stride']
        tops, lefts = window_starts(height, tall, down), window_starts(width, wide, across)
        return cls(True, tops, lefts, (min(tall, height), min(wide, width)), (down, across))

    def windows(self, inputs: Tensor) -> Tensor:
        """Return the windows (N * B, C, h, w) of inputs (B, C, H, W), one after another, each for all images."""
        return torch.cat(list(windows(inputs, self.crop, self.stride))) if self.slides else inputs


class Tail:
    """From a head's outputs for each window to maps at the images' original size.

    Args:
        model: The segmentor or depth estimator.
        grid: Its windows.
        canvas: Height and width on which the maps of all images find room.
        like: A tensor of the type and on the device of the maps.
    """

    def __init__(self, model: BaseSegmentor, grid: Grid, canvas: Sequence[int], like: Tensor) -> None:
        self.head = model.decode_head
        self.align_corners = model.align_corners
        self.grid = grid
        self.canvas = canvas
        self.like = like.new_empty(0)
        self._known: dict[tuple, Tensor] = {}

    def join(self, small: Tensor, metas: Sequence[dict[str, Any]]) -> Upsampled:
        """Lay the outputs (N * B, K, h, w) of all windows side by side, and say how they become maps.

        Args:
            small: The head's outputs, in the order of :meth:`Grid.windows`.
            metas: What mmseg knows of each of the B images.
        """
        down, across = len(self.grid.tops), len(self.grid.lefts)
        low = small.unflatten(0, (down, across, len(metas)))  # (down, across, B, K, h, w)
        low = low.permute(2, 3, 0, 4, 1, 5).flatten(4, 5).flatten(2, 3)
        weights = [self._axis(axis, small, metas) for axis in (0, 1)]
        return Upsampled(low, *weights)

    def _axis(self, axis: int, small: Tensor, metas: Sequence[dict[str, Any]]) -> Tensor:
        """Weights (B or 1, canvas, windows * small) of rows (0) or columns (1)."""
        size = self._size(small, metas)[axis]
        wanted = [_wanted(axis, size, meta) for meta in metas]
        wanted = wanted[:1] if len(set(wanted)) == 1 else wanted
        key = (axis, size, tuple(wanted), small.shape[-2:])
        if key not in self._known:
            with torch.autocast(self.like.device.type, enabled=False):
                weights = [self._weights(axis, size, small.shape[-2:][axis], *part) for part in wanted]
            self._known[key] = torch.stack(weights)
        return self._known[key]

    def _size(self, small: Tensor, metas: Sequence[dict[str, Any]]) -> tuple[int, int]:
        """Size to which a window is upsampled, of the whole input by the head's own rule."""
        if self.grid.slides:
            height, width = self.grid.crop
            return self.grid.tops[-1] + height, self.grid.lefts[-1] + width
        height, width = self.head.predict_by_feat(small[:1, :1].detach(), metas).shape[-2:]
        return height, width

    def _weights(self, axis: int, size: int, small: int, first: int, last: int, original: int) -> Tensor:
        starts = (self.grid.tops, self.grid.lefts)[axis]
        crop = self.grid.crop[axis] if self.grid.slides else size
        joined = sliding(starts, crop, size, small, self.align_corners, self.like)[first:last]
        resized = interpolation(len(joined), original, self.align_corners, self.like) @ joined
        return F.pad(resized, (0, 0, 0, self.canvas[axis] - original))


def _wanted(axis: int, size: int, meta: dict[str, Any]) -> tuple[int, int, int]:
    """First and last row or column that is no padding, and how many there are to be."""
    left, right, top, bottom = meta.get('img_padding_size', meta.get('padding_size', [0] * 4))
    before, after = ((top, bottom), (left, right))[axis]
    return before, size - after, meta['ori_shape'][axis]
