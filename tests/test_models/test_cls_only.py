"""The last block for CLS alone equals the whole block's CLS token, values and gradients."""

import pytest
import torch
from timm.models.vision_transformer import Block
from torch import nn

from mmssl_robust.models.backbones import DINOVisionTransformer
from mmssl_robust.models.backbones.cls_only import cls_only

ARCH = dict(img_size=32, patch_size=8, embed_dim=12, depth=2, num_heads=2)


def randomised(module):
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.double()


@pytest.mark.parametrize('settings', [dict(qkv_bias=True, init_values=0.5), dict(qk_norm=True), dict(drop_path=0.5)])
def test_equals_the_whole_block(settings):
    block = randomised(Block(12, 2, **settings)).eval()
    x = torch.randn(3, 7, 12, dtype=torch.float64, requires_grad=True)
    ours, whole = cls_only(block, x), block(x)[:, :1]
    torch.testing.assert_close(ours, whole, rtol=1e-12, atol=1e-14)
    grads = [torch.autograd.grad(out.sin().sum(), (x, *block.parameters()), allow_unused=True) for out in (ours, whole)]
    for one, other in zip(*grads, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-13)


def test_stochastic_depth_draws_the_same():
    block = randomised(Block(12, 2, drop_path=0.5)).train()
    x = torch.randn(8, 7, 12, dtype=torch.float64)
    outputs = []
    for run in (cls_only, lambda block, x: block(x)[:, :1]):
        torch.manual_seed(1)
        outputs.append(run(block, x))
    torch.testing.assert_close(*outputs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize('change', ['dropout', 'another qkv'])
def test_another_kind_of_block_is_computed_in_full(change):
    block = randomised(Block(12, 2, qkv_bias=True, attn_drop=0.5 if change == 'dropout' else 0.0)).train()
    if change != 'dropout':
        block.attn.qkv = nn.Sequential(block.attn.qkv)
    seen = []
    block.register_forward_hook(lambda *_: seen.append(1))
    assert cls_only(block, torch.randn(2, 5, 12, dtype=torch.float64)).shape == (2, 1, 12)
    assert seen


@pytest.mark.parametrize('with_cp', [False, True])
def test_encoder_for_cls_is_the_encoder_for_all(with_cp):
    encoder = randomised(DINOVisionTransformer(ARCH, out_type='featmap_cls', out_indices=(0, 1))).eval()
    short = randomised(DINOVisionTransformer(ARCH, out_type='cls_token', out_indices=(0, 1), with_cp=with_cp)).eval()
    inputs = torch.randn(2, 3, 32, 32, dtype=torch.float64, requires_grad=True)
    for (_, cls_token), only in zip(encoder(inputs), short(inputs), strict=True):
        torch.testing.assert_close(only, cls_token, rtol=1e-12, atol=1e-13)
