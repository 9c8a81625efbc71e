"""JPEG compression."""

import torch
from torch import Tensor, nn

from mmssl_robust.corruptions.jpeg import after_jpeg
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.numbers import check_integer


@MODELS.register_module()
class JPEG(nn.Module):
    """Compress and decompress, as Pillow does: 8 bits a channel, colours at half the resolution.

    From Das et al., *Keeping the Bad Guys Out: Protecting and Vaccinating Deep Learning with JPEG Compression*, 2017.

    Args:
        quality: From 1 to 95.

    Raises:
        UserError: If it is another one.

    Examples:
        >>> import torch
        >>> from mmssl_robust.defences import JPEG
        >>> images = torch.full((2, 3, 16, 16), 0.2)
        >>> JPEG(quality=75)(images).sub(images).abs().max() < 0.02  # what is flat stays
        tensor(True)
        >>> noise = (torch.arange(16 * 16) % 2 * 0.02).view(1, 1, 16, 16)
        >>> JPEG(quality=10)(images + noise).unique().numel()  # and small changes go
        1
    """

    def __init__(self, quality: int = 75) -> None:
        super().__init__()
        self.quality = check_integer(quality, 'quality', 1, 95)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return images (B, 3, H, W)."""
        return torch.stack([jpeg(image, self.quality) for image in pixels.detach()])


def jpeg(image: Tensor, quality: int) -> Tensor:
    """Return an image (3, H, W) in [0, 1] after JPEG."""
    levels = (image * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    found = torch.from_numpy(after_jpeg(levels, quality)).permute(2, 0, 1)
    return found.to(image) / 255
