"""Between pixels in [0, 1] and the normalised input of a model."""

from typing import Any

import torch
from torch import Tensor

from mmssl_robust.utils.errors import UserError


class PixelSpace:
    """The normalisation of a model's preprocessor, forwards and backwards.

    Args:
        preprocessor: May have ``mean`` and ``std`` (C, 1, 1), for pixels in 0..255; without them nothing changes
            but the range.
        like: A tensor of the type and on the device of the model's inputs.
    """

    def __init__(self, preprocessor: Any, like: Tensor) -> None:
        self.mean: Tensor = getattr(preprocessor, 'mean', like.new_zeros(1))
        self.std: Tensor = getattr(preprocessor, 'std', like.new_ones(1))
        # A tensor: CUDA divides by a Python number with its rounded reciprocal.
        self.white = torch.tensor(255.0, device=like.device)

    def to_pixels(self, inputs: Tensor, integral: bool = False, mask: Tensor | None = None) -> Tensor:
        """Return pixels (B, C, H, W) in [0, 1] for a model's inputs.

        Args:
            inputs: (B, C, H, W), normalised.
            integral: Whether the images held integers: the round trip is then exact.
            mask: (B, 1, H, W) bool, False where there is padding, which becomes 0.

        Raises:
            UserError: If there are values outside 0..255.
        """
        values = inputs * self.std + self.mean
        if integral:
            values = values.round()  # undoes the rounding errors
        if mask is not None:
            values = values * mask
        if values.min() < -0.5 or values.max() > 255.5:
            raise UserError(
                f'pixels lie in [{values.min():.4g}, {values.max():.4g}], not in 0..255: '
                'normalise in the data_preprocessor (mean, std), not in the pipeline'
            )
        return (values / self.white).clamp(0, 1)

    def to_inputs(self, pixels: Tensor) -> Tensor:
        """Return the model's inputs for pixels (B, C, H, W) in [0, 1]."""
        return (pixels * self.white - self.mean) / self.std
