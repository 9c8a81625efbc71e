"""Classification by the angle to a vector of each class."""

from typing import Any

import torch.nn.functional as F
from mmpretrain.models.heads import LinearClsHead
from torch import Tensor, nn

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.numbers import check_number


@MODELS.register_module()
class CosineHead(LinearClsHead):
    """Cosines with a vector of each class, divided by a temperature.

    What CLIP's zero-shot classifier is with the embeddings of class names, learnt here, so that any encoder can be
    trained as TeCoA trains CLIP (Mao et al., ICLR 2023, eq. 3).

    Args:
        num_classes: Number K of classes.
        in_channels: Width D of the features.
        temperature: By which cosines are divided to become logits.
        **kwargs: As in mmpretrain's ``LinearClsHead``.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.heads import CosineHead
        >>> head, features = CosineHead(num_classes=3, in_channels=8), torch.randn(2, 8)
        >>> torch.allclose(head((features,)), head((10 * features,)), atol=1e-4)  # the angle alone counts
        True
    """

    def __init__(self, num_classes: int, in_channels: int, temperature: float = 0.07, **kwargs: Any) -> None:
        # By its full name, which is known in any scope: mmpretrain's default is not.
        kwargs.setdefault('loss', dict(type='mmpretrain.CrossEntropyLoss'))
        super().__init__(num_classes, in_channels, **kwargs)
        self.fc = nn.Linear(in_channels, num_classes, bias=False)
        self.temperature = check_number(temperature, 'temperature', above=0)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return the logits (B, K) of features (B, D), those of the last stage."""
        features = F.normalize(self.pre_logits(feats), dim=-1)
        return F.linear(features, F.normalize(self.fc.weight, dim=-1)) / self.temperature
