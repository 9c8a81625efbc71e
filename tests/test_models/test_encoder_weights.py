"""Every checkpoint layout is loaded strictly."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from safetensors.torch import save_file

from mmssl_robust.models.backbones import DINOVisionTransformer
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError

TINY = dict(img_size=16, patch_size=8, embed_dim=12, depth=2, num_heads=2)
REGISTERS = TINY | dict(init_values=1e-5, reg_tokens=4, pos_offset=0.0, pos_antialias=True)


def encoder(arch=TINY, checkpoint=None):
    init_cfg = checkpoint and dict(type='Pretrained', checkpoint=str(checkpoint))
    return DINOVisionTransformer(arch, init_cfg=init_cfg)


def prefixed(state, prefix):
    return {prefix + key: value for key, value in state.items()}


def full_dino(state, other):
    """The training checkpoint of facebookresearch/dino: the student is another network."""
    head = {'module.head.mlp.0.weight': torch.zeros(2), 'module.head.last_layer.weight_v': torch.zeros(2)}
    return dict(
        student=prefixed(other, 'module.backbone.') | head,
        teacher=prefixed(state, 'backbone.') | {'head.mlp.0.weight': torch.zeros(2)},
        args=argparse.Namespace(arch='vit_small'),
        epoch=3,
    )


LAYOUTS = {
    'flat': lambda state, other: state,
    'with mask token': lambda state, other: state | {'mask_token': torch.zeros(1, 12)},
    'full DINO': full_dino,
    'full DINO under DDP': lambda state, other: dict(teacher=prefixed(state, 'module.backbone.')),
    "this project's DINO": lambda state, other: dict(
        state_dict=prefixed(other, 'student.backbone.vit.')
        | prefixed(state, 'teacher.backbone.vit.')
        | {'teacher.head.mlp.0.weight': torch.zeros(2), 'criterion.centre': torch.zeros(2)},
        meta=dict(epoch=1),
    ),
    'Lightning DeACL': lambda state, other: dict(
        state_dict=prefixed(other, 'momentum_backbone.encoder.')
        | prefixed(state, 'backbone.encoder.')
        | {'backbone.projector.0.weight': torch.zeros(2)}
    ),
    "Lightning DeACL's present code": lambda state, other: dict(
        state_dict=prefixed(other, 'momentum_backbone.model.') | prefixed(state, 'backbone.model.')
    ),
    'MMEngine': lambda state, other: dict(
        state_dict=prefixed(state, 'backbone.vit.') | {'decode_head.conv_seg.weight': torch.zeros(2)},
        meta=dict(epoch=1),
    ),
    'timm': lambda state, other: state | {'head.weight': torch.zeros(2), 'head.bias': torch.zeros(2)},
}


@pytest.mark.parametrize('layout', LAYOUTS)
def test_layouts(layout, tmp_path):
    source, other = encoder().vit.state_dict(), encoder().vit.state_dict()
    torch.save(LAYOUTS[layout](source, other), tmp_path / 'weights.pth')
    loaded = encoder(checkpoint=tmp_path / 'weights.pth')
    loaded.init_weights()
    for key, value in loaded.vit.state_dict().items():
        torch.testing.assert_close(value, source[key], rtol=0, atol=0, msg=key)


def test_safetensors_in_half_precision(tmp_path):
    source = {key: value.half().contiguous() for key, value in encoder().vit.state_dict().items()}
    save_file(source, tmp_path / 'weights.safetensors')
    loaded = encoder(checkpoint=tmp_path / 'weights.safetensors')
    loaded.init_weights()
    assert loaded.vit.cls_token.dtype == torch.float32
    torch.testing.assert_close(loaded.vit.pos_embed, source['pos_embed'].float())


def test_dinov2_names_of_registers(tmp_path):
    source = encoder(REGISTERS).vit.state_dict()
    official = {key.replace('reg_token', 'register_tokens'): value for key, value in source.items()}
    torch.save(official, tmp_path / 'weights.pth')
    loaded = encoder(REGISTERS, tmp_path / 'weights.pth')
    loaded.init_weights()
    torch.testing.assert_close(loaded.vit.reg_token, source['reg_token'])


def test_timm_register_layout_gives_the_same_features(tmp_path):
    official = encoder(REGISTERS).eval()
    torch.nn.init.normal_(official.vit.cls_token)
    state = official.vit.state_dict()
    timm_state = state | dict(
        cls_token=state['cls_token'] + state['pos_embed'][:, :1], pos_embed=state['pos_embed'][:, 1:]
    )
    torch.save(timm_state, tmp_path / 'weights.pth')
    loaded = encoder(REGISTERS, tmp_path / 'weights.pth').eval()
    loaded.init_weights()
    inputs = torch.randn(2, 3, 24, 16)
    torch.testing.assert_close(loaded(inputs)[0], official(inputs)[0])


def sines_and_cosines(width, side):
    """MAE's fixed positions: half of the channels for the column, half for the row, zeros for CLS."""
    rates = 10000 ** -(np.arange(width // 4) / (width // 4))
    rows, columns = np.mgrid[:side, :side].reshape(2, -1, 1) * rates
    patches = np.concatenate((np.sin(columns), np.cos(columns), np.sin(rows), np.cos(rows)), axis=1)
    return torch.from_numpy(np.concatenate((np.zeros((1, width)), patches))).float()[None]


@pytest.fixture(scope='module')
def mae(tmp_path_factory):
    """A generated checkpoint as facebookresearch/mae publishes its ViT-B/16, and the encoder of our config."""
    cfg = Config.fromfile(Path(__file__).parents[2] / 'configs/_base_/models/mae_vitb16.py').encoder
    layers = {
        'norm1.weight': (768,),
        'norm1.bias': (768,),
        'attn.qkv.weight': (2304, 768),
        'attn.qkv.bias': (2304,),
        'attn.proj.weight': (768, 768),
        'attn.proj.bias': (768,),
        'norm2.weight': (768,),
        'norm2.bias': (768,),
        'mlp.fc1.weight': (3072, 768),
        'mlp.fc1.bias': (3072,),
        'mlp.fc2.weight': (768, 3072),
        'mlp.fc2.bias': (768,),
    }
    sizes = {
        'cls_token': (1, 1, 768),
        'patch_embed.proj.weight': (768, 3, 16, 16),
        'patch_embed.proj.bias': (768,),
        **{f'blocks.{index}.{name}': size for index in range(12) for name, size in layers.items()},
        'norm.weight': (768,),
        'norm.bias': (768,),
    }
    state = {name: torch.randn(size) * 0.02 for name, size in sizes.items()}
    state['pos_embed'] = sines_and_cosines(768, 14)
    cfg.init_cfg.checkpoint = str(tmp_path_factory.mktemp('mae') / 'mae_pretrain_vit_base.pth')
    torch.save(dict(model=state), cfg.init_cfg.checkpoint)
    model = MODELS.build(cfg)
    model.init_weights()
    return model, state


def test_mae(mae):
    model, state = mae
    torch.testing.assert_close(dict(model.vit.state_dict()), state, rtol=0, atol=0)
    assert model(torch.randn(1, 3, 32, 48))[0].isfinite().all()


@pytest.mark.parametrize('grid', [(14, 14), (28, 28), (28, 35), (7, 7)])
def test_mae_positions_at_other_sizes_are_those_of_its_own_code(mae, grid):
    model, state = mae
    with torch.no_grad():
        tokens = model.vit._pos_embed(torch.zeros(1, *grid, 768))
    patches = state['pos_embed'][:, 1:].reshape(1, 14, 14, 768).permute(0, 3, 1, 2)
    expected = F.interpolate(patches, size=grid, mode='bicubic', align_corners=False).flatten(2).transpose(1, 2)
    torch.testing.assert_close(tokens, torch.cat((state['cls_token'], expected), dim=1))


@pytest.mark.parametrize(
    'change, words',
    [
        (lambda state: state | {'blocks.2.norm1.weight': torch.zeros(12)}, 'unexpected: blocks.2.norm1.weight'),
        (lambda state: {k: v for k, v in state.items() if k != 'norm.bias'}, 'missing: norm.bias'),
        (lambda state: state | {'norm.bias': torch.zeros(13)}, r'norm.bias is \(13,\), wanted \(12,\)'),
    ],
)
def test_misfits_name_the_keys(change, words, tmp_path):
    torch.save(change(encoder().vit.state_dict()), tmp_path / 'weights.pth')
    with pytest.raises(UserError, match=words):
        encoder(checkpoint=tmp_path / 'weights.pth').init_weights()


@pytest.mark.parametrize('content', [[torch.zeros(1)], {0: torch.zeros(1)}, torch.zeros(1)])
def test_what_is_no_state_dict(content, tmp_path):
    torch.save(content, tmp_path / 'weights.pth')
    with pytest.raises(UserError, match='missing: cls_token'):
        encoder(checkpoint=tmp_path / 'weights.pth').init_weights()
