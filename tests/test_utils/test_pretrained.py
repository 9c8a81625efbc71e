"""Encoders of any class start with all of their weights or not at all, and equal an independent load."""

import hashlib
from pathlib import Path

import pytest
import timm
import torch
from mmengine.config import Config
from mmengine.model import BaseModule
from mmpretrain.models import VisionTransformer
from mmseg.models.backbones import VisionTransformer as MMSegVisionTransformer
from timm.models.vision_transformer import VisionTransformer as TimmVisionTransformer
from torch import nn

from mmssl_robust.models.backbones import DINOVisionTransformer
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.pretrained import check_built, initialise, load_encoder
from mmssl_robust.utils.state_dict import build_model
from mmssl_robust.utils.witness import watching_loads

SIZES = dict(img_size=16, patch_size=8, embed_dim=16, depth=3, num_heads=2)
ARCH = SIZES | dict(pos_offset=0.0)
MMPRETRAIN = dict(embed_dims=16, num_layers=3, num_heads=2, feedforward_channels=64)
IMAGES = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def network(seed=0, **settings):
    """timm's own ViT, none of whose weights is zero or one: what every load is compared with."""
    torch.manual_seed(seed)
    vit = TimmVisionTransformer(num_classes=0, global_pool='token', **SIZES | settings).eval()
    for parameter in vit.parameters():
        nn.init.normal_(parameter, std=0.3)
    return vit


def dino(**settings):
    return DINOVisionTransformer(ARCH, **settings).eval()


def mmpretrains(**init_cfg):
    built = VisionTransformer(
        MMPRETRAIN, img_size=16, patch_size=8, init_cfg=init_cfg and dict(type='Pretrained', **init_cfg)
    )
    built.eval()
    return built


def prefixed(state, prefix):
    return {prefix + key: value for key, value in state.items()}


def mae(state):
    decoder = {'decoder_embed.weight': torch.ones(2), 'decoder_blocks.0.norm1.weight': torch.ones(2)}
    return dict(model=state | decoder | {'mask_token': torch.ones(1, 1, 16)}, epoch=799)


def chunked(state):
    return {key.replace('blocks.2.', 'blocks.1.2.').replace('blocks.0.', 'blocks.0.0.'): v for key, v in state.items()}


def dinov2(state, other, student='student.', teacher='teacher.'):
    heads = {f'{teacher}dino_head.mlp.0.weight': torch.ones(2), f'{teacher}ibot_head.mlp.0.weight': torch.ones(2)}
    return prefixed(other, f'{student}backbone.') | prefixed(state, f'{teacher}backbone.') | heads


LAYOUTS = {
    'MAE': lambda state, other: mae(state),
    'compiled': lambda state, other: dict(model=prefixed(state, '_orig_mod.')),
    'compiled under DDP': lambda state, other: prefixed(state, 'module._orig_mod.'),
    'DDP compiled': lambda state, other: prefixed(state, '_orig_mod.module.'),
    'compiled backbone': lambda state, other: dict(state_dict=prefixed(state, 'backbone._orig_mod.')),
    'FSDP, blocks compiled': lambda state, other: {
        '_fsdp_wrapped_module.' + key.replace('blocks.1.', 'blocks.1._orig_mod.'): v for key, v in state.items()
    },
    'DINOv2, teacher': lambda state, other: dict(teacher=dinov2(state, {}, teacher='')),
    'DINOv2, blocks in chunks': lambda state, other: dict(
        teacher=prefixed({key.replace('blocks.', 'blocks.0.', 1): v for key, v in state.items()}, 'backbone.')
    ),
    'iBOT': lambda state, other: dict(
        student=prefixed(other, 'module.backbone.') | {'module.backbone.masked_embed': torch.ones(1, 16)},
        teacher=prefixed(state, 'module.backbone.') | {'module.head.mlp.0.weight': torch.ones(2)},
    ),
    'EMA of timm': lambda state, other: dict(state_dict=other, state_dict_ema=state, arch='vit'),
    'EMA of DeiT': lambda state, other: dict(model=prefixed(other, 'module.'), model_ema=state),
    'EMA absent': lambda state, other: dict(state_dict=state, state_dict_ema=None),
    'EMA of MMEngine': lambda state, other: dict(
        state_dict=prefixed(state, 'backbone.'),
        ema_state_dict=prefixed(other, 'module.backbone.') | {'steps': torch.tensor(3)},
        meta=dict(mmengine_version='0.10.7'),
    ),
    'EMA of torchvision': lambda state, other: dict(
        model=other, model_ema=prefixed(state, 'module.') | {'n_averaged': torch.tensor(3)}, epoch=3
    ),
    'EMA of any name': lambda state, other: dict(net=other, net_ema=state, ema_optimizer=dict(param_groups=[])),
    'EMA of SWA': lambda state, other: dict(model=other, swa_model=state),
    'EMA of shadows': lambda state, other: dict(model=other, ema=dict(decay=0.9, shadow=state)),
    'EMA of names': lambda state, other: dict(state_dict=prefixed(other, 'model.') | prefixed(state, 'model_ema.')),
    'EMA of names, in modules': lambda state, other: dict(
        state_dict=prefixed(other, 'backbone.') | prefixed(state, 'ema.module.backbone.')
    ),
    'EMA of names, without an entry': lambda state, other: (
        prefixed(other, 'online_model.') | prefixed(state, 'ema_model.') | {'initted': torch.tensor(True)}
    ),
    'EMA of DINOv2, training': lambda state, other: dict(model=dinov2(state, other), iteration=3),
    'EMA empty': lambda state, other: dict(model=state, model_ema={}),
    'entry of any name': lambda state, other: dict(net=state, optimizer=dict(state={0: dict(avg=torch.ones(2))})),
    'momentum encoder': lambda state, other: dict(
        state_dict=prefixed(state, 'backbone.') | prefixed(other, 'momentum_backbone.')
    ),
}


@pytest.fixture
def write(tmp_path):
    def write(content, name='weights.pth'):
        torch.save(content, tmp_path / name)
        return str(tmp_path / name)

    return write


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('kind', ['ours', 'mmpretrain', 'timm'])
def test_features_equal_those_of_the_source(kind, layout, write):
    source, other = network(), network(1)
    file = write(LAYOUTS[layout](source.state_dict(), other.state_dict()))
    built = dict(ours=dino, mmpretrain=mmpretrains, timm=lambda: network(2))[kind]()
    loaded = load_encoder(built, file)
    features = built(IMAGES)
    torch.testing.assert_close(features if kind == 'timm' else features[0], source(IMAGES))
    assert loaded.tensors == len(source.state_dict())
    assert loaded.sha256 == hashlib.sha256(Path(file).read_bytes()).hexdigest()
    assert loaded.weights == ('ema' if layout.startswith(('EMA of', 'iBOT')) else 'only')


@pytest.mark.parametrize('layout', [name for name in LAYOUTS if name.startswith('EMA of') or name == 'iBOT'])
def test_the_raw_weights_are_there_for_the_asking(layout, write):
    source, other = network(), network(1)
    built = dino(
        init_cfg=dict(
            type='Pretrained', weights='raw', checkpoint=write(LAYOUTS[layout](source.state_dict(), other.state_dict()))
        )
    )
    initialise(built)
    torch.testing.assert_close(built(IMAGES)[0], other(IMAGES))
    assert built.loaded_weights.weights == 'raw'


def test_what_is_not_there_cannot_be_asked_for(write):
    file = write(dict(state_dict=network().state_dict()))
    with pytest.raises(UserError, match='weights.pth: the checkpoint holds no ema weights'):
        load_encoder(dino(), file, weights='ema')
    names = write(prefixed(network().state_dict(), 'schema.ema.') | prefixed(network(1).state_dict(), 'momentum.'))
    with pytest.raises(UserError, match='weights.pth: the checkpoint holds no ema weights'):
        load_encoder(dino(), names, weights='ema')
    with pytest.raises(UserError, match="unknown weights='mean'"):
        load_encoder(dino(), file, weights='mean')


@pytest.mark.parametrize('prefix, seed', [('model.', 1), ('model_ema.', 0)])
def test_a_prefix_says_which_of_two(prefix, seed, write):
    file = write(LAYOUTS['EMA of names'](network().state_dict(), network(1).state_dict()))
    built = dino()
    load_encoder(built, file, prefix=prefix)
    torch.testing.assert_close(built(IMAGES)[0], network(seed)(IMAGES))


def test_two_encoders_of_equal_right(write):
    state = network().state_dict()
    file = write(prefixed(state, 'left.') | prefixed(network(1).state_dict(), 'right.'))
    with pytest.raises(UserError, match=r'several such encoders: set init_cfg.prefix to one of left\., right\.'):
        load_encoder(dino(), file)
    built = dino()
    load_encoder(built, file, prefix='right.')
    torch.testing.assert_close(built(IMAGES)[0], network(1)(IMAGES))


def test_shards_of_fsdp(write):
    with pytest.raises(UserError, match='teacher_checkpoint.pth'):
        load_encoder(dino(), write(dict(model={'student.backbone._flat_param': torch.ones(3)})))


class Own(BaseModule):
    """A user's backbone; `how` it reads its weights is its own affair."""

    def __init__(self, how='init_cfg', file=None, init_cfg=None):
        super().__init__(init_cfg)
        self.stem = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 4)
        self.how = how
        if how == 'constructor':
            self.load_state_dict(torch.load(file), strict=False)

    def init_weights(self):
        if self.how == 'itself':
            self.load_state_dict(torch.load(self.init_cfg['checkpoint']), strict=False)
        else:
            super().init_weights()


@pytest.mark.parametrize('how', ['init_cfg', 'list', 'itself', 'constructor'])
@pytest.mark.parametrize('damage', ['none', 'missing', 'shape', 'statistics'])
def test_a_users_own_backbone(how, damage, write):
    state = Own().state_dict()
    dropped = dict(missing='stem.bias', shape='head.weight', statistics='norm.running_mean').get(damage)
    given = {key: value for key, value in state.items() if key != dropped and 'num_batches' not in key}
    if damage == 'shape':
        given[dropped] = torch.zeros(5, 4)
    file = write(given)
    init_cfg = dict(type='Pretrained', checkpoint=file)

    def make():
        if how == 'constructor':
            with watching_loads() as witness:
                built = Own(how, file)
            check_built(built, witness)
            return built
        built = Own(how, init_cfg=[init_cfg] if how == 'list' else init_cfg)
        initialise(built)
        return built

    if damage == 'none':
        built = make()
        torch.testing.assert_close(built.state_dict(), state, rtol=0, atol=0)
        assert built.loaded_weights.tensors >= len(given)
    elif damage == 'shape' and how in ('itself', 'constructor'):
        with pytest.raises(RuntimeError, match='size mismatch'):  # PyTorch's own
            make()
    else:
        with pytest.raises(UserError, match=dropped):
            make()


@pytest.mark.parametrize(
    'change, words',
    [
        (lambda s: {k: v for k, v in s.items() if 'blocks.2.' not in k}, 'missing: layers.2.ln1.weight'),
        (lambda s: s | {'blocks.3.norm1.weight': torch.ones(16)}, 'unexpected: layers.3.ln1.weight'),
        (lambda s: s | {'norm.bias': torch.ones(17)}, r'ln1.bias is \(17,\), wanted \(16,\)'),
        (lambda s: s | {'dist_token': torch.ones(1, 1, 16)}, 'unexpected: dist_token'),
        (lambda s: {f'other.{k}.x': v for k, v in s.items()}, 'missing: cls_token'),
    ],
)
def test_misfits_of_mmpretrains_encoder(change, words, write):
    built = mmpretrains(checkpoint=write(mae(change(network().state_dict()))))
    with pytest.raises(UserError, match=f'weights.pth does not fit this encoder; .*{words}'):
        built.init_weights()


def test_mmpretrain_brings_positions_to_its_size_as_before(write):
    built = VisionTransformer(MMPRETRAIN, img_size=32, patch_size=8)
    load_encoder(built, write(network().state_dict()))
    assert built.pos_embed.shape == (1, 17, 16)


def test_mmsegs_encoder_that_reads_for_itself(write):
    settings = dict(img_size=16, patch_size=8, embed_dims=16, num_layers=1, num_heads=2, mlp_ratio=2)
    state = MMSegVisionTransformer(**settings).state_dict()
    init_cfg = dict(type='Pretrained', checkpoint=write(state))
    built = MMSegVisionTransformer(**settings, init_cfg=init_cfg)
    initialise(built)
    torch.testing.assert_close(built.state_dict(), state, rtol=0, atol=0)
    built = MMSegVisionTransformer(**settings | dict(num_layers=2), init_cfg=init_cfg)
    with pytest.raises(UserError, match='missing, or of another shape: layers.1.ln1.weight'):
        initialise(built)


def test_what_the_encoder_goes_without_is_said(write):
    state = network().state_dict()
    settings = dict(arch=MMPRETRAIN, img_size=16, patch_size=8, final_norm=False)
    file = write(state | {'head.weight': torch.ones(2)})
    with pytest.raises(UserError, match='unexpected: ln1.weight, ln1.bias'):
        load_encoder(VisionTransformer(**settings), file)
    loaded = load_encoder(VisionTransformer(**settings), file, leave_out=['ln1.'])
    assert loaded.left_out == ['head', 'ln1']


TINY = dict(model_name='vit_tiny_patch16_224', img_size=32, embed_dim=24, depth=2, num_heads=2)


@pytest.mark.parametrize('scope', ['mmpretrain', 'mmseg'])
def test_timms_encoders(scope, write):
    """By init_cfg and by timm's own arguments; too many blocks for the file are an error in each."""
    source = timm.create_model('vit_tiny_patch16_224', **{k: v for k, v in TINY.items() if k != 'model_name'})
    file = write(source.state_dict(), 'timm.pth')
    cfg = TINY | dict(type=f'{scope}.TIMMBackbone', features_only=False, num_classes=0, pretrained=False)
    built = MODELS.build(cfg | dict(init_cfg=dict(type='Pretrained', checkpoint=file)))
    initialise(built)
    torch.testing.assert_close(dict(built.state_dict())['timm_model.norm.bias'], source.norm.bias, rtol=0, atol=0)
    assert built.loaded_weights.left_out == ['head']
    deeper = cfg | dict(depth=3)
    with pytest.raises(UserError, match='missing: blocks.2.norm1.weight'):
        initialise(MODELS.build(deeper | dict(init_cfg=dict(type='Pretrained', checkpoint=file))))
    overlay = dict(pretrained=True, pretrained_cfg_overlay=dict(file=file, num_classes=1000))
    with pytest.raises(UserError, match=r'timm.pth does not fit TIMMBackbone; .*blocks.2.norm1.weight'):
        build_model(classifier(deeper | overlay))
    assert build_model(classifier(cfg | overlay)).backbone.loaded_weights.source == file
    with pytest.raises(UserError, match='two sources'):
        build_model(classifier(cfg | overlay | dict(init_cfg=dict(type='Pretrained', checkpoint=file))))


def classifier(backbone):
    head = dict(type='mmpretrain.LinearClsHead', num_classes=2, in_channels=24)
    return Config(dict(type='mmpretrain.ImageClassifier', backbone=backbone, head=head))._cfg_dict


def test_timms_encoder_from_the_layout_of_dinov2(write):
    """With registers: timm adds CLS's position to its token, which only its own conversion or ours knows."""
    source = DINOVisionTransformer(ARCH | dict(init_values=1e-5, reg_tokens=4, pos_antialias=True)).eval()
    for parameter in source.parameters():
        nn.init.normal_(parameter, std=0.3)
    official = {key.replace('reg_token', 'register_tokens'): v for key, v in source.vit.state_dict().items()}
    built = network(2, init_values=1e-5, reg_tokens=4, no_embed_class=True)
    load_encoder(built, write(official | {'mask_token': torch.zeros(1, 16)}))
    torch.testing.assert_close(built(IMAGES), source(IMAGES)[0])
