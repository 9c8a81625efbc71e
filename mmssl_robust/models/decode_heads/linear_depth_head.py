"""The linear depth head of DINOv2."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.numbers import check_integer
from mmssl_robust.utils.thresholds import HasThresholds


@MODELS.register_module()
class LinearDepthHead(HasThresholds, BaseDecodeHead):
    """Expected depth over uniform bins, linear in the tokens but for one ReLU.

    The CLS token is concatenated to each patch token, of several layers one after another, the map upsampled, and a
    1x1 convolution scores the bins; scores become weights by ReLU, plus 0.1,
    divided by their sum. From the evaluation code of Oquab et al., *DINOv2*,
    TMLR 2024, after Bhat et al., *AdaBins*, CVPR 2021. An encoder without a CLS
    token, such as a ResNet, has the average of its map in its place.

    Args:
        in_channels: Width of the tokens; a ViT has ``out_type='featmap_cls'``. A list, with as long an ``in_index``
            and ``input_transform='resize_concat'``, for several layers.
        num_bins: Number of bins.
        min_depth: First bin in metres; targets up to it are missing. None for that of the data set, where a
            tool of ours builds the model, otherwise 0.001.
        max_depth: Last bin in metres; targets from it on are not trusted. Likewise, 10.
        upsample: Factor of the bilinear upsampling before the bins.
        **kwargs: Further arguments of MMSegmentation's ``BaseDecodeHead``.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> head = MODELS.build(dict(type='mmssl_robust.LinearDepthHead', in_channels=192, min_depth=1, max_depth=3))
        >>> tokens = torch.randn(2, 192, 8, 8), torch.randn(2, 192)  # patch tokens and CLS token
        >>> depth = head((tokens,))
        >>> depth.shape, bool((depth > 1).all() and (depth < 3).all())
        (torch.Size([2, 1, 32, 32]), True)
    """

    min_depth: float
    max_depth: float

    def __init__(
        self,
        in_channels: int | list[int],
        num_bins: int = 256,
        min_depth: float | None = None,
        max_depth: float | None = None,
        upsample: int = 4,
        **kwargs: Any,
    ) -> None:
        check_integer(num_bins, 'num_bins', 2)
        widths = [in_channels] if isinstance(in_channels, int) else list(in_channels)
        super().__init__(
            in_channels=in_channels, channels=2 * sum(widths), num_classes=num_bins, dropout_ratio=0.0, **kwargs
        )
        self.widths = widths
        self.out_channels = 1  # of the prediction: sliding windows are averaged on a map of this many channels
        self.upsample = check_integer(upsample, 'upsample', 1)
        self.keep_thresholds(min_depth=min_depth, max_depth=max_depth)
        for loss in self._losses():
            if isinstance(loss, HasThresholds):
                loss.take_thresholds(dict(min_depth=self.min_depth, max_depth=self.max_depth))
        self.register_buffer('bins', torch.linspace(self.min_depth, self.max_depth, num_bins), persistent=False)

    def forward(self, inputs: tuple[tuple[Tensor, Tensor] | Tensor, ...]) -> Tensor:
        """Map tokens to depth.

        Args:
            inputs: For each layer, patch tokens (B, D, h, w) and CLS token (B, D), or the former alone.

        Returns:
            (B, 1, h * upsample, w * upsample) in metres.
        """
        of_layers = self.conv_seg.weight.split([2 * width for width in self.widths], dim=1)
        first, *others = [self._scores_of(tokens, weight) for tokens, weight in zip(self._layers_of(inputs), of_layers)]
        for scores in others:
            first = first + F.interpolate(scores, size=first.shape[-2:], mode='bilinear', align_corners=False)
        scores = first + self.conv_seg.bias[:, None, None]
        # A 1x1 convolution commutes with bilinear upsampling, whose weights sum to 1, and is cheaper before it.
        scores = F.interpolate(scores, scale_factor=self.upsample, mode='bilinear', align_corners=False)
        weights = scores.relu() + 0.1
        return torch.einsum('bkhw,k->bhw', weights / weights.sum(dim=1, keepdim=True), self.bins).unsqueeze(1)

    @staticmethod
    def _scores_of(tokens: tuple[Tensor, Tensor] | Tensor, weight: Tensor) -> Tensor:
        """What a layer adds to the scores of the bins, (B, bins, h, w)."""
        featmap, cls_token = (tokens, tokens.mean(dim=(2, 3))) if isinstance(tokens, Tensor) else tokens
        # The CLS token is the same for all patches: its half of the convolution is a bias.
        of_patches, of_cls = weight.chunk(2, dim=1)
        bias = F.linear(cls_token, of_cls[:, :, 0, 0])
        return F.conv2d(featmap.contiguous(), of_patches) + bias[:, :, None, None]

    def _layers_of(self, inputs: Sequence[Any]) -> list[Any]:
        return [inputs[index] for index in ([self.in_index] if isinstance(self.in_index, int) else self.in_index)]

    def loss_by_feat(self, depth: Tensor, data_samples: list[BaseDataElement]) -> dict[str, Tensor]:
        """Return each loss of the predicted depth against ``gt_depth_map``, at the annotation's size."""
        target = torch.stack([sample.gt_depth_map.data for sample in data_samples])
        depth = F.interpolate(depth, size=target.shape[-2:], mode='bilinear', align_corners=self.align_corners)
        return {loss.loss_name: loss(depth, target) for loss in self._losses()}

    def _losses(self) -> Iterable[Any]:
        # Any: their name is MMSegmentation's custom, not PyTorch's.
        return self.loss_decode if isinstance(self.loss_decode, torch.nn.ModuleList) else [self.loss_decode]
