"""A depth head that sees more than one patch at a time."""

from collections.abc import Sequence
from typing import Any

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.numbers import check_integer

from .linear_depth_head import LinearDepthHead


@MODELS.register_module()
class ConvDepthHead(LinearDepthHead):
    """:class:`LinearDepthHead` on patch tokens that have gone through two 3x3 convolutions.

    Each convolution has a BatchNorm and a ReLU. The CLS token stays as it is. Ours, to tell what an attack takes
    through a linear head from what the encoder itself has lost.

    Args:
        in_channels: Width of the tokens of the one layer that is read.
        hidden: Channels between the two convolutions.
        **kwargs: As in :class:`LinearDepthHead`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> head = MODELS.build(dict(type='mmssl_robust.ConvDepthHead', in_channels=192, min_depth=1, max_depth=3))
        >>> tokens = torch.randn(2, 192, 8, 8), torch.randn(2, 192)  # patch tokens and CLS token
        >>> head((tokens,)).shape
        torch.Size([2, 1, 32, 32])
    """

    def __init__(self, in_channels: int, hidden: int = 128, **kwargs: Any) -> None:
        check_integer(in_channels, 'in_channels of a ConvDepthHead, which reads one layer,', 1)
        super().__init__(in_channels, **kwargs)
        widths = (in_channels, check_integer(hidden, 'hidden', 1), in_channels)
        self.convs = nn.Sequential(
            *(
                ConvModule(before, after, 3, padding=1, norm_cfg=dict(type='BN'))
                for before, after in zip(widths, widths[1:])
            )
        )

    def _layers_of(self, inputs: Sequence[Any]) -> list[Any]:
        [tokens] = super()._layers_of(inputs)
        if isinstance(tokens, Tensor):
            return [self.convs(tokens)]
        featmap, cls_token = tokens
        return [(self.convs(featmap.contiguous()), cls_token)]
