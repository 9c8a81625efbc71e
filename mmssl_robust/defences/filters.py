"""Defences that smooth: an attacker differentiates through them."""

from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.numbers import check_number


@MODELS.register_module()
class Blur(nn.Module):
    """A Gaussian filter, cut off at three standard deviations; at the border the edge goes on.

    Args:
        sigma: Standard deviation in pixels, above 0.

    Raises:
        UserError: If it is another one.

    Examples:
        >>> import torch
        >>> from mmssl_robust.defences import Blur
        >>> image = torch.zeros(1, 3, 9, 9)
        >>> image[..., 4, 4] = 1
        >>> blurred = Blur(sigma=1.0)(image)
        >>> round(blurred[0, 0].sum().item(), 4)  # as much light as before
        1.0
        >>> blurred[0, 0, 4, 5] / blurred[0, 0, 4, 4]  # exp(-1/2), one pixel from the middle
        tensor(0.6065)
    """

    has_gradient = True

    def __init__(self, sigma: float = 1.0) -> None:
        super().__init__()
        self.sigma = check_number(sigma, 'sigma', above=0)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return images (B, 3, H, W)."""
        reach = ceil(3 * self.sigma)
        places = torch.arange(-reach, reach + 1, device=pixels.device, dtype=pixels.dtype)
        kernel = torch.exp(-(places**2) / (2 * self.sigma**2))
        kernel = (kernel / kernel.sum()).expand(pixels.shape[1], 1, 1, -1)
        wide = F.conv2d(F.pad(pixels, (reach, reach, 0, 0), 'replicate'), kernel, groups=pixels.shape[1])
        return F.conv2d(F.pad(wide, (0, 0, reach, reach), 'replicate'), kernel.mT, groups=pixels.shape[1])


@MODELS.register_module()
class Downscale(nn.Module):
    """Resize to a share of height and width, with antialiasing, and back; bilinear.

    Args:
        scale: The share, above 0 and below 1.

    Raises:
        UserError: If it is another one.

    Examples:
        >>> import torch
        >>> from mmssl_robust.defences import Downscale
        >>> checks = (torch.arange(8) % 2).float().expand(1, 3, 8, 8)  # black and white columns
        >>> Downscale(0.5)(checks)[..., 2:6].round(decimals=1).unique()
        tensor([0.5000])
    """

    has_gradient = True

    def __init__(self, scale: float = 0.5) -> None:
        super().__init__()
        self.scale = check_number(scale, 'scale', above=0, most=1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return images (B, 3, H, W)."""
        size = tuple(pixels.shape[-2:])
        small = [max(1, round(self.scale * side)) for side in size]
        return F.interpolate(F.interpolate(pixels, small, mode='bilinear', antialias=True), size, mode='bilinear')
