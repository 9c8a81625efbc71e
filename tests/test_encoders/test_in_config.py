"""An encoder by name in the configs of tasks and in suites."""

import copy
from pathlib import Path

import pandas as pd
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmssl_robust.benchmark.cost import row_cost
from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.row_records import store_of
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.encoders import load_encoder, parse_spec, use_encoder
from mmssl_robust.encoders.in_config import info_of, is_by_spec, weights_of
from mmssl_robust.encoders.sources import build_network
from mmssl_robust.evaluation.sanity_checks import with_encoder
from mmssl_robust.functional.tokens import select_tokens
from mmssl_robust.presets import load_preset
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.checkpoint import local_path
from mmssl_robust.utils.config_files import find_config, read_config
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256

TASKS = dict(
    classification='configs/classification/mini_cifar10.py',
    segmentation='configs/segmentation/mini_camvid.py',
    depth='configs/depth/mini_nyu.py',
    crops='configs/segmentation/simclr_resnet18_voc2012.py',
)
MODEL_FILES = sorted((Path(__file__).resolve().parents[2] / 'configs/_base_/models').glob('*.py'))
BY_NAME = [path for path in MODEL_FILES if 'mmssl_robust.Encoder' in path.read_text()]
VIT, CONVOLUTIONS = 'timm:test_vit?weights=random', 'timm:test_convnext?weights=random'


def config(task):
    return read_config(find_config(TASKS[task]))


def build(cfg):
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        return MODELS.build(copy.deepcopy(cfg.model)).eval()


@pytest.mark.parametrize('layers', [1, 3])
@pytest.mark.parametrize('spec', [VIT, CONVOLUTIONS])
@pytest.mark.parametrize('task', TASKS)
def test_the_head_of_each_task_fits_any_encoder(task, spec, layers):
    cfg = config(task)
    use_encoder(cfg, spec, layers=layers)
    model = build(cfg)
    info = info_of(spec)
    preprocessor = model.data_preprocessor
    assert preprocessor.mean.flatten().tolist() == pytest.approx(info.mean)
    assert preprocessor.std.flatten().tolist() == pytest.approx(info.std)
    with torch.no_grad():
        outputs = model(torch.randn(2, 3, 64, 96), mode='tensor')
    stride = info.patch_size if layers == 1 or spec == VIT else 8
    scale = 4 if task == 'depth' else 1
    channels = dict(classification=10, segmentation=11, depth=1, crops=21)[task]
    size = () if task == 'classification' else (64 // stride * scale, 96 // stride * scale)
    assert outputs.shape == (2, channels, *size)
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())


@pytest.mark.parametrize('task', ['classification', 'segmentation', 'depth'])
def test_images_are_padded_to_what_the_encoder_takes(task):
    cfg = config(task)
    use_encoder(cfg, VIT)
    model = build(cfg)
    images = [torch.zeros(3, 40, 50, dtype=torch.uint8)]
    sample = MODELS_SAMPLES[task]()
    inputs = model.data_preprocessor(dict(inputs=images, data_samples=[sample]), False)['inputs']
    assert inputs.shape[-2:] == (48, 64)


def _classified():
    from mmpretrain.structures import DataSample

    return DataSample()


def _segmented():
    from mmseg.structures import SegDataSample

    return SegDataSample(metainfo=dict(img_shape=(40, 50), ori_shape=(40, 50)))


MODELS_SAMPLES = dict(classification=_classified, segmentation=_segmented, depth=_segmented)


@pytest.mark.parametrize('path', BY_NAME, ids=lambda path: path.stem)
def test_the_encoders_of_the_configs_say_what_their_files_say(path):
    cfg = Config.fromfile(path)
    with torch.device('meta'):  # of shapes alone
        info = build_network(parse_spec(cfg.encoder.spec)).info
    assert (info.embed_dims, info.size_multiple) == (cfg.embed_dims, cfg.patch_size)
    assert (info.mean, info.std) == (pytest.approx(cfg.mean), pytest.approx(cfg.std))
    assert not info.fixed_size


def test_layers_may_be_named():
    cfg = config('depth')
    use_encoder(cfg, VIT, layers=(1, 3))
    assert (cfg.model.backbone.out_indices, cfg.model.decode_head.in_index) == ([1, 3], [0, 1])
    assert build(cfg).decode_head.conv_seg.weight.shape == (256, 4 * 64, 1, 1)


def test_convolutions_before_the_bins_read_the_cls_token_too():
    cfg = config('depth')
    cfg.model.decode_head.type = 'mmssl_robust.ConvDepthHead'
    use_encoder(cfg, VIT)
    assert cfg.model.backbone.out_type == 'featmap_cls'
    with torch.no_grad():
        assert build(cfg)(torch.randn(2, 3, 64, 96), mode='tensor').dim() == 4


def test_another_variant_for_the_sanity_checks_is_the_encoder_that_its_spec_names():
    cfg = config('classification')
    use_encoder(cfg, 'mini')
    model = build(cfg)
    backbone = copy.deepcopy(cfg.model.backbone)
    backbone.spec = 'mini_deacl'
    assert with_encoder(model, backbone, None).backbone.loaded_weights.source.endswith('mini_deacl/encoder.safetensors')


def test_a_fine_tuned_encoder_is_not_frozen():
    cfg = config('classification')
    cfg.finetune = True
    use_encoder(cfg, VIT)
    assert all(parameter.requires_grad for parameter in build(cfg).backbone.parameters())


def test_a_summary_is_as_wide_as_its_tokens(tmp_path):
    pytest.importorskip('hf_models').saved('Radio', tmp_path)
    spec = f'hf:{tmp_path}?weights=random&pool=summary'
    cfg = config('classification')
    use_encoder(cfg, spec, layers=2)
    assert cfg.model.head.in_channels == 2 * 2 * 32 + 32
    assert build(cfg)(torch.randn(2, 3, 32, 32), mode='tensor').shape == (2, 10)
    both = load_encoder(spec, 'featmap_cls')(torch.rand(1, 3, 32, 32))
    assert select_tokens(both, 'both').shape == (1, 2 + 16, 32)
    with pytest.raises(UserError, match='leave out pool=summary'):
        use_encoder(config('depth'), spec)


def test_what_does_not_fit_is_refused_in_a_line():
    with pytest.raises(UserError, match='has 6 layers'):
        use_encoder(config('depth'), VIT, layers=7)
    with pytest.raises(UserError, match='neither a head nor a decode_head'):
        use_encoder(Config(dict(model=dict(type='X'))), VIT)


def test_weights_of_an_encoder_by_name_are_known_by_their_hash():
    backbone = dict(type='mmssl_robust.Encoder', spec='mini')
    assert is_by_spec(backbone)
    assert not is_by_spec(backbone | dict(init_cfg=dict(type='Pretrained', checkpoint='a.pth')))
    assert not is_by_spec(dict(type='mmssl_robust.DINOVisionTransformer', arch='dino_vits16'))
    assert weights_of(backbone).sha256 == sha256(local_path('mmssl_robust://mini/encoder.safetensors'))


def test_a_row_with_a_spec_is_evaluated_as_one_with_a_config(tmp_path):
    settings = dict(
        config=TASKS['classification'],
        task='classification',
        data='CIFAR-10',
        encoder='mini',
        head='mmssl_robust://mini/mini_cifar10.safetensors',
        max_images=4,
        batch_size=2,
        attacks=dict(embed=load_preset('embed', steps=2)),
    )
    rows = (
        Row(name='config', variant='A', **settings),
        Row(name='spec', variant='B', spec='mini', **settings),
    )
    SuiteRun(Suite('own', 'Own', rows), tmp_path, tmp_path / 'heads', Options()).run()
    stores = [store_of(row, tmp_path) for row in rows]
    for name in ('clean', 'embed'):
        first, second = (store.read(name).drop(columns='seconds') for store in stores)
        pd.testing.assert_frame_equal(first, second, rtol=1e-3)
        assert len(first) == 4
    assert stores[1].info()['encoder'] == 'mini'


def test_the_cost_of_a_row_with_a_spec_is_that_of_the_padded_images(tmp_path):
    row = Row(
        TASKS['classification'],
        'classification',
        'CIFAR-10',
        'EVA-02',
        name='a',
        spec='timm:eva02_tiny_patch14_224?weights=random',  # images are 64 pixels wide
        max_images=2,
        attacks=dict(embed=load_preset('embed', steps=2)),
    )
    cost = row_cost(row, tmp_path, tmp_path, Options())
    assert not cost.problem and cost.flops > 0


def test_a_row_has_either_a_spec_or_other_weights(tmp_path):
    row = Row(TASKS['depth'], 'depth', 'NYU', 'mini', name='a', spec='mini', checkpoint='a.pth', head='b.pth')
    with pytest.raises(UserError, match='both a spec and a checkpoint'):
        SuiteRun(Suite('own', 'Own', (row,)), tmp_path, tmp_path, Options()).check()
