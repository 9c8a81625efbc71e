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

    Examples:
        >>> import torch
        >>> from mmssl_robust.defences import Quantise
        >>> Quantise(levels=3)(torch.tensor([0.1, 0.3, 0.6, 0.9]))
        tensor([0.0000, 0.5000, 0.5000, 1.0000])
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

    Examples:
        >>> import numpy as np
        >>> import torch
        >>> from mmssl_robust.defences import Dither
        >>> found = Dither(levels=2)(torch.full((1, 3, 64, 64), 0.3), [np.random.default_rng(0)])
        >>> found.unique(), found.mean().round(decimals=1)  # black and white, as bright on average
        (tensor([0., 1.]), tensor(0.3000))
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
