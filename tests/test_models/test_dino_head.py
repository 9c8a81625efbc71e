"""The projection head against its definition."""

import pytest
import torch
import torch.nn.functional as F

from mmssl_robust.models.algorithms import DINOHead
from mmssl_robust.utils.errors import UserError


def head(**options):
    torch.manual_seed(0)
    return DINOHead(in_dim=5, out_dim=7, hidden_dim=6, bottleneck_dim=4, **options)


def test_agrees_with_written_out_head():
    module, features = head().double(), torch.randn(3, 5, dtype=torch.float64)
    first, second, third = (module.mlp[i] for i in (0, 2, 4))
    hidden = F.gelu(F.gelu(features @ first.weight.T + first.bias) @ second.weight.T + second.bias)
    bottleneck = hidden @ third.weight.T + third.bias
    directions = module.last_layer.parametrizations.weight.original1
    cosines = torch.stack([F.cosine_similarity(bottleneck, row[None]) for row in directions], dim=1)
    torch.testing.assert_close(module(features), cosines)


@pytest.mark.parametrize('norm_last_layer', [True, False])
def test_lengths_of_the_prototypes(norm_last_layer):
    module = head(norm_last_layer=norm_last_layer)
    lengths = module.last_layer.parametrizations.weight.original0
    assert lengths.shape == (7, 1) and (lengths == 1).all()
    assert lengths.requires_grad is not norm_last_layer


@pytest.mark.parametrize('num_layers', [1, 2, 4])
def test_depth(num_layers):
    module = head(num_layers=num_layers)
    assert sum(isinstance(layer, torch.nn.Linear) for layer in module.mlp) == num_layers
    assert isinstance(module.mlp[-1], torch.nn.Linear)
    assert module(torch.randn(2, 5)).shape == (2, 7)


def test_cosines_stay_in_full_precision_under_autocast():
    module, features = head(), torch.randn(3, 5)
    with torch.autocast('cpu', torch.bfloat16):
        assert module(features).dtype == torch.float32


def test_no_layer():
    with pytest.raises(UserError, match='num_layers'):
        head(num_layers=0)
