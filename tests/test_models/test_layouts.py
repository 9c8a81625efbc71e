"""An encoder written in any public layout is the same encoder to its reader."""

import pytest
import timm
import torch
from timm.layers import SwiGLUPacked
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from torch import nn

from mmssl_robust.models.backbones import DINOVisionTransformer
from mmssl_robust.models.backbones.layouts import LAYOUTS, dino, dinov2, lightning, mmengine
from mmssl_robust.models.backbones.layouts import timm as timm_layout
from mmssl_robust.models.backbones.weights import extract_encoder
from mmssl_robust.utils.checkpoint import read_checkpoint, save_checkpoint
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.pretrained import load_encoder

TINY = dict(img_size=16, patch_size=8, embed_dim=12, depth=2, num_heads=2)
DINOV2 = TINY | dict(init_values=1e-5)
OURS = dict(pos_offset=0.0, pos_antialias=True)
ARCHITECTURES = {
    'DINO': TINY,
    'DINOv2': DINOV2,
    'registers': DINOV2 | dict(reg_tokens=4),
    'SwiGLU': DINOV2 | dict(mlp_layer=SwiGLUPacked, act_layer=nn.SiLU),
}


def encoder(name, seed=0):
    """An encoder none of whose weights is zero, one or equal to another."""
    torch.manual_seed(seed)
    built = DINOVisionTransformer(ARCHITECTURES[name] | OURS).eval()
    for parameter in built.parameters():
        nn.init.normal_(parameter, std=0.5)
    return built


def timms(name):
    settings = ARCHITECTURES[name]
    return VisionTransformer(
        num_classes=0, global_pool='token', no_embed_class='reg_tokens' in settings, dynamic_img_size=True, **settings
    ).eval()


def assert_equal(given, wanted):
    assert given.keys() == wanted.keys()
    for key, value in wanted.items():
        torch.testing.assert_close(given[key], value, rtol=0, atol=0, msg=key)


def assert_same_features(ours, theirs):
    inputs = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(theirs(inputs), ours(inputs)[0])


@pytest.mark.parametrize('name', ARCHITECTURES)
@pytest.mark.parametrize('layout', LAYOUTS)
def test_round_trip(layout, name, tmp_path):
    source = encoder(name).vit.state_dict()
    if layout == 'dino' and name != 'DINO':
        with pytest.raises(UserError, match='write this encoder as dinov2 or timm'):
            LAYOUTS[layout](source)
        return
    file = tmp_path / 'encoder.ckpt'
    save_checkpoint(LAYOUTS[layout](source), file)
    loaded = encoder(name, seed=1)
    load_encoder(loaded.vit, file)
    result = loaded.vit.state_dict()
    if layout == 'timm' and name == 'registers':
        # timm keeps no more of the CLS token and its position than their sum.
        source['cls_token'] = source['cls_token'] + source['pos_embed'][:, :1]
        source['pos_embed'][:, :1] = 0
    assert_equal(result, source)
    assert_equal(extract_encoder(read_checkpoint(file), registers=name == 'registers'), source)


@pytest.mark.parametrize('name', ARCHITECTURES)
def test_timm_loads_its_layout(name):
    ours, theirs = encoder(name), timms(name)
    theirs.load_state_dict(timm_layout(ours.vit.state_dict()))
    assert_same_features(ours, theirs)


def test_timm_loads_the_layout_of_dino():
    theirs = timm.create_model(
        'vit_tiny_patch16_224', num_classes=0, img_size=16, patch_size=8, embed_dim=12, depth=2, num_heads=2
    ).eval()
    ours = encoder('DINO')
    theirs.load_state_dict(dino(ours.vit.state_dict()))
    assert_same_features(ours, theirs)


@pytest.mark.parametrize('name', ['DINOv2', 'registers', 'SwiGLU'])
def test_timm_converts_the_layout_of_dinov2(name):
    """timm's own conversion of facebookresearch's files finds every key where it expects it."""
    ours, theirs = encoder(name), timms(name)
    theirs.load_state_dict(checkpoint_filter_fn(dinov2(ours.vit.state_dict()), theirs))
    assert_same_features(ours, theirs)


@pytest.mark.parametrize(
    'name, mlp, others',
    [
        ('DINOv2', ('fc1', 'fc2'), {}),
        ('registers', ('fc1', 'fc2'), {'register_tokens': (1, 4, 12)}),
        ('SwiGLU', ('w12', 'w3'), {}),
    ],
)
def test_names_of_dinov2(name, mlp, others):
    """The keys of ``dinov2_*_pretrain.pth``, for two blocks."""
    in_block = [
        f'{layer}.{kind}' for layer in ('norm1', 'norm2', 'attn.qkv', 'attn.proj') for kind in ('weight', 'bias')
    ]
    in_block += ['ls1.gamma', 'ls2.gamma', *(f'mlp.{layer}.{kind}' for layer in mlp for kind in ('weight', 'bias'))]
    names = {f'blocks.{block}.{key}' for block in (0, 1) for key in in_block}
    names |= {'cls_token', 'pos_embed', 'mask_token', 'norm.weight', 'norm.bias', *others}
    names |= {'patch_embed.proj.weight', 'patch_embed.proj.bias'}
    state = dinov2(encoder(name).vit.state_dict())
    assert state.keys() == names
    shapes = {key: tuple(state[key].shape) for key in ('mask_token', 'pos_embed', *others)}
    assert shapes == {'mask_token': (1, 12), 'pos_embed': (1, 5, 12)} | others


@pytest.mark.parametrize('name', ['DINO', 'DINOv2'])
def test_lightning_reads_the_student(name):
    student, teacher = (encoder(name, seed).vit.state_dict() for seed in (0, 1))
    checkpoint = lightning(student, teacher)
    assert_equal(extract_encoder(checkpoint), student)
    state = checkpoint['state_dict']
    assert state['backbone.encoder.norm.bias'] is student['norm.bias']
    assert state['momentum_backbone.encoder.norm.bias'] is teacher['norm.bias']
    # facebookresearch's own model, which the paper's code fills strictly, has it in DINOv2 alone.
    assert ('backbone.encoder.mask_token' in state) == (name == 'DINOv2')


def test_mmengine_names_are_those_of_a_model():
    model = nn.ModuleDict({'backbone': encoder('DINO')})
    model.load_state_dict(mmengine(model['backbone'].vit.state_dict())['state_dict'])
