"""Few levels for each channel, rounded to or drawn."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.numbers import check_integer


@MODELS.register_module()
class Quantise(nn.Module):
    """Round each entry to the nearest of so many levels from 0 to 1.

    From Xu et al., *Feature Squeezing*, NDSS 2018.

    Args:
        levels: How many, at least 2.

    Raises:
        UserError: If there are fewer.
    """

    def __init__(self, levels: int = 8) -> None:
        super().__init__()
        self.levels = check_integer(levels, 'levels', 2)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return images (B, 3, H, W)."""
        return (pixels * (self.levels - 1)).round() / (self.levels - 1)


@MODELS.register_module()
class Dither(nn.Module):
    """Draw each entry from the two nearest levels, so that its mean is what it was.

    Args:
        levels: See :class:`Quantise`.

    Raises:
        UserError: As there.
    """

    random = True

    def __init__(self, levels: int = 8) -> None:
        super().__init__()
        self.levels = check_integer(levels, 'levels', 2)

    def forward(self, pixels: Tensor, draws: Sequence[np.random.Generator]) -> Tensor:
        """Return images (B, 3, H, W); each has a generator of its own."""
        shape = tuple(pixels.shape[1:])
        noise = torch.from_numpy(np.stack([draw.random(shape, np.float32) for draw in draws])).to(pixels)
        top = self.levels - 1
        return (pixels * top + noise).floor().clamp(max=top) / top
