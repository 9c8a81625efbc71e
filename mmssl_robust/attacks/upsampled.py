"""Maps that are known at low resolution, and how they become large."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Upsampled:
    """Maps (B, K, H, W) that are bilinear in small ones: ``rows @ low @ columns.T`` for each channel.

    A linear head's logits are a hundred times fewer before they are upsampled, averaged over sliding windows, cropped
    and resized, and all that is linear and separable: two small matrices say it exactly.

    Attributes:
        low: Small maps (B, K, h, w).
        rows: (B, H, h), or (1, H, h) for all alike.
        columns: (B, W, w), or (1, W, w).
    """

    low: Tensor
    rows: Tensor
    columns: Tensor

    def __len__(self) -> int:
        return len(self.low)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the small maps."""
        return self.low.dtype

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(B, K, H, W), that of the large maps."""
        return (*self.low.shape[:2], self.rows.shape[1], self.columns.shape[1])

    def float(self) -> 'Upsampled':
        """The same in float32."""
        return replace(self, low=self.low.float())

    def full(self) -> Tensor:
        """Return the large maps (B, K, H, W)."""
        return self.rows[:, None] @ self.low @ self.columns[:, None].mT


Outputs = Tensor | Upsampled
"""What a model under attack gives, batch first."""


def full(outputs: Outputs) -> Tensor:
    """Return outputs as one tensor, maps at full size."""
    return outputs.full() if isinstance(outputs, Upsampled) else outputs


def interpolation(small: int, large: int, align_corners: bool, like: Tensor) -> Tensor:
    """Return the weights (large, small) by which PyTorch's bilinear interpolation makes one axis larger.

    Args:
        small: Number of entries before.
        large: Number of entries after.
        align_corners: See :func:`torch.nn.functional.interpolate`.
        like: A tensor of the type and on the device of the weights.
    """
    probe = torch.eye(small, dtype=like.dtype, device=like.device)[None, :, :, None]
    return F.interpolate(probe, size=(large, 1), mode='bilinear', align_corners=align_corners)[0, :, :, 0].T


def sliding(starts: Sequence[int], crop: int, size: int, small: int, align_corners: bool, like: Tensor) -> Tensor:
    """Return the weights (size, windows * small) of an axis on which the upsampled maps of windows are averaged.

    Args:
        starts: First entry of each window.
        crop: Length of a window.
        size: Length of the axis.
        small: Length of a window's small map.
        align_corners: See :func:`interpolation`.
        like: Likewise.
    """
    one = interpolation(small, crop, align_corners, like)
    weights = like.new_zeros(size, len(starts), small)
    count = like.new_zeros(size, 1)
    for number, start in enumerate(starts):
        weights[start : start + crop, number] = one
        count[start : start + crop] += 1
    return weights.flatten(1) / count
