"""Between pixels in [0, 1] and the normalised input of a model."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmssl_robust.utils.errors import UserError

from .white import of_channels, whites

# Of the contrast. A bicubic kernel (a = -0.75) sums to between -0.44 and 1.44 over pixels of 0 and 1; its ringing
# lies along edges, and is weaker on the average.
_OVERSHOOT, _MEAN_OVERSHOOT = 0.45, 0.05


class PixelSpace:
    """The normalisation of a model's preprocessor, forwards and backwards.

    What a white pixel is among the images that it is given follows from what the preprocessor says, never from how
    bright an image is, see :func:`.white.whites`.

    Args:
        preprocessor: May have ``mean`` and ``std``, of each channel or one for all, and ``white``, the value of a
            white pixel before it.
        inputs: What the preprocessor made of the images, (B, C, H, W).
        images: The images before the preprocessor, (C, h, w) each, at the top left of ``inputs``; None if they are
            not known.

    Attributes:
        white: Value of a white pixel in the unit of mean and standard deviation, a scalar.
        image_white: Likewise in the unit of the images before the preprocessor.

    Raises:
        UserError: If that does not say what white is, or the preprocessor does other things than normalise.
    """

    def __init__(self, preprocessor: Any, inputs: Tensor, images: Sequence[Tensor] | None = None) -> None:
        self.mean = of_channels(preprocessor, 'mean', 0).to(inputs.device)
        self.std = of_channels(preprocessor, 'std', 1).to(inputs.device)
        self.image_white, white = whites(preprocessor, inputs, inputs * self.std + self.mean, images)
        # A tensor: CUDA divides by a Python number with its rounded reciprocal.
        self.white = torch.tensor(white, device=inputs.device)
        self._levels = torch.tensor(max(self.image_white, 255.0), device=inputs.device)
        self._per_value = float(self._levels) / white
        self._integral = images is not None and all(self._is_integral(image) for image in images)
        self._normalised_here = hasattr(preprocessor, 'mean')

    def _is_integral(self, image: Tensor) -> bool:
        if not image.is_floating_point():
            return True
        levels = image * (float(self._levels) / self.image_white)
        return bool(((levels - levels.round()).abs() <= 1e-4).all())

    def to_pixels(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return pixels (B, C, H, W) in [0, 1] for a model's inputs.

        Where the images held integers, or integers divided by 255, the round trip is exact. By what a resampling
        overshoots they are clipped.

        Args:
            inputs: (B, C, H, W), normalised.
            mask: (B, 1, H, W) bool, False where there is padding, which becomes 0.

        Raises:
            UserError: If there are values that no image has.
        """
        levels = (inputs * self.std + self.mean) * self._per_value
        if self._integral:
            levels = levels.round()  # undoes the rounding errors
        if mask is not None:
            levels = levels * mask
        pixels = levels / self._levels
        self._check(pixels.detach())
        return pixels.clamp(0, 1)

    def _check(self, pixels: Tensor) -> None:
        low, high = float(pixels.min()), float(pixels.max())
        if low >= -0.5 / 255 and high <= 1 + 0.5 / 255:
            return
        contrast, beyond = min(high, 1) - max(low, 0), (pixels - pixels.clamp(0, 1)).abs()
        rings = beyond.max() <= _OVERSHOOT * contrast and beyond.mean() <= _MEAN_OVERSHOOT * contrast
        if not (rings and self._normalised_here):
            raise UserError(
                f'pixels lie in [{low * self.image_white:.4g}, {high * self.image_white:.4g}], not in '
                f'0..{self.image_white:g}: normalise in the data_preprocessor (mean, std), not in the pipeline'
            )

    def to_inputs(self, pixels: Tensor) -> Tensor:
        """Return the model's inputs for pixels (B, C, H, W) in [0, 1]."""
        return (pixels * self.white - self.mean) / self.std

    def to_images(self, pixels: Tensor) -> Tensor:
        """Return pixels (B, C, H, W) in [0, 1] in the unit of the images before the preprocessor."""
        return pixels * self.image_white
