"""The linear segmentation head of DINOv2."""

from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmssl_robust.registry import MODELS


@MODELS.register_module()
class LinearBNHead(BaseDecodeHead):
    """BatchNorm and a 1x1 convolution on patch tokens; MMSegmentation upsamples the logits.

    From the evaluation code of Oquab et al., *DINOv2*, TMLR 2024.

    Args:
        in_channels: Width of the tokens; a list with ``input_transform='resize_concat'`` for several layers.
        num_classes: Number of classes.
        **kwargs: Further arguments of MMSegmentation's ``BaseDecodeHead``.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> head = MODELS.build(dict(type='mmssl_robust.LinearBNHead', in_channels=192, num_classes=11))
        >>> patch_tokens = torch.randn(2, 192, 8, 8)
        >>> head((patch_tokens,)).shape
        torch.Size([2, 11, 8, 8])
    """

    def __init__(self, in_channels: int | list[int], num_classes: int, **kwargs: Any) -> None:
        channels = in_channels if isinstance(in_channels, int) else sum(in_channels)
        super().__init__(
            in_channels=in_channels, channels=channels, num_classes=num_classes, dropout_ratio=0.0, **kwargs
        )
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map patch tokens (B, D, h, w) to logits (B, num_classes, h, w)."""
        return self.conv_seg(self.norm(self._transform_inputs(inputs)))
