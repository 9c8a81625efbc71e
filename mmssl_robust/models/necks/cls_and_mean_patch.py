"""The vector that DINOv2's linear classifiers read."""

import torch
from torch import Tensor, nn

from mmssl_robust.registry import MODELS


@MODELS.register_module()
class ClsAndMeanPatch(nn.Module):
    """CLS tokens of the last blocks and the mean patch token of the last one, side by side.

    From the evaluation code of Oquab et al., *DINOv2*, TMLR 2024, which takes one or four blocks. The encoder has
    ``out_type='featmap_cls'`` and as many ``out_indices``.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.necks import ClsAndMeanPatch
        >>> layer = torch.randn(2, 192, 8, 8), torch.randn(2, 192)  # patch tokens and CLS token
        >>> (vector,) = ClsAndMeanPatch()((layer,) * 4)
        >>> vector.shape  # 4 CLS tokens, a mean
        torch.Size([2, 960])
    """

    def forward(self, layers: tuple[tuple[Tensor, Tensor], ...]) -> tuple[Tensor]:
        """Map tokens of n layers to a vector.

        Args:
            layers: For each of them patch tokens (B, D, h, w) and CLS token (B, D).

        Returns:
            (B, (n + 1) * D), in a tuple, as MMPretrain's heads take it.
        """
        mean_patch = layers[-1][0].mean(dim=(2, 3))
        return (torch.cat([*(cls_token for _, cls_token in layers), mean_patch], dim=1),)
