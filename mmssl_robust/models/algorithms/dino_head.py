"""Projection head of DINO."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.numbers import check_integer


@MODELS.register_module()
class DINOHead(nn.Module):
    """MLP, L2 normalisation and a weight-normalised linear layer (Caron et al., 2021, appendix C).

    Args:
        in_dim: Width of the encoder's output.
        out_dim: Number of prototypes K.
        hidden_dim: Width of the MLP.
        bottleneck_dim: Width of the MLP's output.
        num_layers: Linear layers in the MLP.
        norm_last_layer: Keep the prototypes at unit length, so that the logits
            are cosines; otherwise their lengths are learned.

    Raises:
        UserError: If ``num_layers`` is below 1.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> cfg = dict(type='mmssl_robust.DINOHead', in_dim=192, out_dim=1024, hidden_dim=64, bottleneck_dim=32)
        >>> logits = MODELS.build(cfg)(torch.randn(8, 192))
        >>> logits.shape, bool((logits.abs() <= 1.001).all())  # cosines
        (torch.Size([8, 1024]), True)
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int = 65536,
        hidden_dim: int = 2048,
        bottleneck_dim: int = 256,
        num_layers: int = 3,
        norm_last_layer: bool = True,
    ) -> None:
        super().__init__()
        sizes = dict(out_dim=out_dim, hidden_dim=hidden_dim, bottleneck_dim=bottleneck_dim, num_layers=num_layers)
        for name, value in sizes.items():
            check_integer(value, name, 1)
        self.out_dim = out_dim
        widths = [in_dim, *[hidden_dim] * (num_layers - 1), bottleneck_dim]
        linears = [nn.Linear(*width) for width in pairwise(widths)]
        layers = [layer for linear in linears for layer in (linear, nn.GELU())]
        self.mlp = nn.Sequential(*layers[:-1])
        for linear in linears:
            nn.init.trunc_normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)
        self.last_layer = weight_norm(nn.Linear(bottleneck_dim, out_dim, bias=False))
        lengths = self.last_layer.parametrizations.weight.original0
        nn.init.ones_(lengths)
        lengths.requires_grad_(not norm_last_layer)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in_dim) features to (B, K) logits."""
        features = self.mlp(features)
        # Divided by the teacher's temperature, bfloat16 cosines would be off by 0.1.
        with torch.autocast(features.device.type, enabled=False):
            weight = self.last_layer.weight
            return F.linear(F.normalize(features.to(weight.dtype), dim=-1), weight)
