"""DINOv2's vector of n blocks, and that its released heads are taken."""

import pytest
import torch
import torch.nn.functional as F
from toys import ARCH

from mmssl_robust.models.necks import ClsAndMeanPatch
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.released_heads import to_own_names
from mmssl_robust.utils.state_dict import load_weights


def layer(seed, width=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, width, 2, 5, generator=generator), torch.randn(2, width, generator=generator)


@pytest.mark.parametrize('layers', [1, 4])
def test_it_is_each_cls_token_then_the_mean_patch_of_the_last(layers):
    tokens = tuple(layer(seed) for seed in range(layers))
    (vector,) = ClsAndMeanPatch()(tokens)
    for place, (_, cls_token) in enumerate(tokens):
        torch.testing.assert_close(vector[:, 3 * place : 3 * place + 3], cls_token)
    torch.testing.assert_close(vector[:, -3:], tokens[-1][0].flatten(2).mean(2))
    assert vector.shape == (2, 3 * layers + 3)


def segmentor(decode_head, out_type, layers):
    indices = list(range(-layers, 0))
    transform = {} if layers == 1 else dict(in_index=list(range(layers)), input_transform='resize_concat')
    width = 16 if layers == 1 else [16] * layers
    backbone = dict(type='mmssl_robust.DINOVisionTransformer', arch=ARCH, out_type=out_type, out_indices=indices)
    return MODELS.build(
        dict(
            type='mmssl_robust.DepthEstimator' if 'Depth' in decode_head['type'] else 'mmseg.EncoderDecoder',
            backbone=backbone | dict(init_cfg=dict(type='Pretrained', checkpoint='none.pth')),
            decode_head=decode_head | dict(in_channels=width) | transform,
            test_cfg=dict(mode='whole'),
        )
    )


@pytest.fixture(autouse=True)
def no_encoder(monkeypatch):
    """A head alone is loaded."""
    monkeypatch.setattr('mmssl_robust.utils.state_dict.initialise', lambda network: None)


@pytest.mark.parametrize('layers', [1, 2])
@torch.no_grad()
def test_dinov2s_depth_head_is_taken_and_computes_what_it_is_trained_to(layers):
    head = dict(type='mmssl_robust.LinearDepthHead', num_bins=7, min_depth=0.001, max_depth=10)
    model = segmentor(head, 'featmap_cls', layers).eval()
    weight, bias = torch.randn(7, 32 * layers, 1, 1), torch.randn(7)
    load_weights(model, {'decode_head.conv_depth.weight': weight, 'decode_head.conv_depth.bias': bias}, 'released')
    tokens = tuple(layer(seed, 16) for seed in range(layers))
    # As facebookresearch/dinov2 computes it: CLS behind each patch token, upsampled, layers side by side.
    parts = [torch.cat((patches, cls[:, :, None, None].expand_as(patches)), 1) for patches, cls in tokens]
    joined = torch.cat([F.interpolate(part, scale_factor=4, mode='bilinear') for part in parts], 1)
    scores = F.conv2d(joined, weight, bias).relu() + 0.1
    wanted = torch.einsum('bkhw,k->bhw', scores / scores.sum(1, keepdim=True), torch.linspace(0.001, 10, 7))
    torch.testing.assert_close(model.decode_head(tokens)[:, 0], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('layers', [1, 2])
@torch.no_grad()
def test_dinov2s_segmentation_head_is_taken(layers):
    model = segmentor(dict(type='mmssl_robust.LinearBNHead', num_classes=5), 'featmap', layers).eval()
    width = 16 * layers
    released = {f'bn.{name}': torch.rand(width) for name in ('weight', 'bias', 'running_mean', 'running_var')}
    released |= {'bn.num_batches_tracked': torch.tensor(3), 'conv_seg.bias': torch.randn(5)}
    released['conv_seg.weight'] = torch.randn(5, width, 1, 1)
    load_weights(model, {f'decode_head.{name}': tensor for name, tensor in released.items()}, 'released')
    maps = tuple(layer(seed, 16)[0] for seed in range(layers))
    normed = F.batch_norm(torch.cat(maps, 1), *(released[f'bn.{name}'] for name in _STATISTICS))
    wanted = F.conv2d(normed, released['conv_seg.weight'], released['conv_seg.bias'])
    torch.testing.assert_close(model.decode_head(maps), wanted, rtol=1e-4, atol=1e-5)


_STATISTICS = ('running_mean', 'running_var', 'weight', 'bias')


@torch.no_grad()
def test_dinov2s_classification_head_is_taken():
    backbone = dict(type='mmssl_robust.DINOVisionTransformer', arch=ARCH, out_type='featmap_cls', out_indices=(0, 1))
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            backbone=backbone | dict(init_cfg=dict(type='Pretrained', checkpoint='none.pth')),
            neck=dict(type='mmssl_robust.ClsAndMeanPatch'),
            head=dict(type='mmpretrain.LinearClsHead', num_classes=4, in_channels=48),
        )
    )
    weight, bias = torch.randn(4, 48), torch.randn(4)
    load_weights(model, dict(weight=weight, bias=bias), 'released')
    tokens = tuple(layer(seed, 16) for seed in range(2))
    vector = torch.cat([tokens[0][1], tokens[1][1], tokens[1][0].mean((2, 3))], 1)
    torch.testing.assert_close(model.head(model.neck(tokens)), vector @ weight.T + bias)
    with pytest.raises(UserError, match='shape: head.fc.weight'):
        load_weights(model, dict(weight=weight[:, :32], bias=bias), 'released')


def test_names_that_a_model_knows_stay():
    weights = {'decode_head.bn.weight': torch.zeros(1), 'weight': torch.ones(1)}
    assert to_own_names(weights, ['decode_head.bn.weight', 'weight']).keys() == weights.keys()
    assert to_own_names(weights, ['decode_head.norm.weight']).keys() == {'decode_head.norm.weight', 'weight'}
