"""Every config of the three tasks: encoder, pipeline, optimiser, the paper's settings; for the mini ones a training."""

import copy
import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmengine.runner import Runner
from toys import shrink, undrawn

import mmssl_robust
from mmssl_robust.building import build_attack
from mmssl_robust.presets import load_preset

ROOT = Path(__file__).resolve().parents[2]
ATTACKS = dict(classification=['embed', 'pgd'], segmentation=['embed', 'segpgd'], depth=['embed', 'depthpgd'])
TASKS = tuple(ATTACKS)
LEAFS = sorted(path for task in TASKS for path in (ROOT / 'configs' / task).glob('*.py'))
DATA = dict(
    classification=['cifar10', 'cifar100', 'stl10'], segmentation=['ade20k', 'cityscapes', 'voc2012'], depth=['nyu']
)
CHANNELS = dict(cifar10=10, cifar100=100, stl10=10, camvid=11, ade20k=150, cityscapes=19, voc2012=21, hololens=1, nyu=1)
PAPER = dict(  # section 4.1
    classification=dict(
        optimizer=torch.optim.Adam, lr=0.5, weight_decay=0, batch_size=16, epochs=5, flips=['horizontal']
    ),
    segmentation=dict(
        optimizer=torch.optim.AdamW,
        lr=1e-4,
        weight_decay=1e-3,
        batch_size=16,
        epochs=50,
        flips=['horizontal', 'vertical'],
    ),
    depth=dict(
        optimizer=torch.optim.AdamW, lr=1e-4, weight_decay=0.01, batch_size=128, epochs=20, flips=['horizontal']
    ),
)
BLOCKS = ('Block', 'EvaBlock')  # of timm: those of an encoder are alike
CHANGED_BY_TRAIN_MODE = (torch.nn.BatchNorm2d, torch.nn.Dropout)
MINI_METRICS = {
    'cifar10': {'accuracy/top1'},
    'camvid': {'aAcc', 'mIoU', 'mAcc'},
    'hololens': {'rmse', 'abs_rel', 'log10', 'delta1', 'delta2', 'delta3'},
    'nyu': {'rmse', 'abs_rel', 'log10', 'delta1', 'delta2', 'delta3'},
}
MINI = {f'{encoder}_{data}': names for encoder in ('mini', 'mini_wide') for data, names in MINI_METRICS.items()}
SMALL = {'small_112px_cifar10', 'small_224px_cifar10', 'small_camvid', 'small_nyu'}
LAPTOP = {*MINI, *SMALL}
IMAGENET = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
FULL = [path for path in LEAFS if path.stem not in LAPTOP]


def data_of(path):
    return path.stem.rpartition('_')[2]


@pytest.fixture(scope='module')
def load(full_data):
    """Read a config as the tools do, and enter its scope."""
    cache = {}

    def read(path):
        if path not in cache:
            cache[path] = Config.fromfile(path)
        init_default_scope(cache[path].default_scope)
        return cache[path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('DATA_ROOT', str(full_data))
        yield read


@pytest.fixture(scope='module')
def first_item(load):
    """The first image of a config's data; all encoders have the same."""
    cache = {}

    def read(path, split):
        key = (path.stem if path.stem in LAPTOP else data_of(path), split)
        if key not in cache:
            cache[key] = DATASETS.build(load(path)[f'{split}_dataloader'].dataset)[0]
        return copy.deepcopy(cache[key])

    return read


def computed_once(module, seen):
    """Of each shape of inputs; modules that share what was seen compute it once together."""
    forward = module.forward
    module.forward = lambda inputs, *more, **others: (
        seen[inputs.shape] if inputs.shape in seen else seen.setdefault(inputs.shape, forward(inputs, *more, **others))
    )


@pytest.fixture(scope='module')
def encoder():
    """Build an encoder's config once for all data sets of a task; it computes each shape once."""
    cache = {}

    def build(backbone):
        key = json.dumps(backbone, sort_keys=True)
        if key not in cache:
            # A ResNet reads the values of a tensor when it is made.
            with torch.device('cpu' if backbone.type == 'mmpretrain.ResNet' else 'meta'), undrawn():
                module = cache[key] = MODELS.build(copy.deepcopy(backbone)).to('meta')
            alike = {}
            for block in (part for part in module.modules() if type(part).__name__ in BLOCKS):
                computed_once(block, alike.setdefault(str(block), {}))
            computed_once(module, {})
        return cache[key]

    return build


@pytest.fixture(scope='module', params=LEAFS, ids=lambda path: path.stem)
def leaf(request, load, encoder):
    """Path, config and model of each config. Nothing is computed: tensors on the meta device have shapes only."""
    cfg = load(request.param)
    model_cfg = copy.deepcopy(cfg.model)
    model_cfg.backbone = dict(type=lambda: encoder(cfg.model.backbone))
    with torch.device('meta'):
        model = MODELS.build(model_cfg)
    return request.param, cfg, model.to('meta')


def test_each_encoder_has_a_config_for_each_data_set():
    heads = {'linear_classifier', 'linear_depther', 'linear_segmentor'}
    heads |= {'deacl', 'embedding', 'knn_classifier', 'retrieval'}
    small = {'mini_vit', 'mini_wide_vit', 'small_vit'}
    encoders = {path.stem for path in (ROOT / 'configs/_base_/models').glob('*.py')} - heads - small
    expected = {
        f'{task}/{encoder}_{data}' for task in TASKS for encoder, data in itertools.product(encoders, DATA[task])
    }
    assert len(encoders) >= 18
    assert {f'{path.parent.name}/{path.stem}' for path in FULL} == expected
    assert {path.stem for path in LEAFS} - {path.stem for path in FULL} == LAPTOP


@pytest.mark.parametrize('split', ['train', 'test'])
def test_an_image_goes_through(leaf, split, load, first_item):
    path, cfg, model = leaf
    init_default_scope(cfg.default_scope)
    item = first_item(path, split)
    assert item['inputs'].dtype == torch.uint8
    if split == 'test':
        assert item['data_samples'].sample_idx == 0
    batch = model.data_preprocessor(pseudo_collate([item, item]), training=split == 'train')
    if split == 'test' and cfg.model.get('test_cfg', {}).get('mode') == 'slide':
        height, width = cfg.model.test_cfg.crop_size
        assert min(batch['inputs'].shape[2:]) >= height == width
        batch['inputs'] = batch['inputs'][..., :height, :width]
    assert all(side % cfg.patch_size == 0 for side in batch['inputs'].shape[2:])
    assert model(**batch, mode='tensor').shape[:2] == (2, CHANNELS[data_of(path)])


def test_only_the_head_trains(leaf):
    path, cfg, model = leaf
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained
    assert all(name.startswith(('head.', 'decode_head.')) for name in trained)
    model.train()
    layers = [module for module in model.backbone.modules() if isinstance(module, CHANGED_BY_TRAIN_MODE)]
    assert layers and not any(layer.training for layer in layers)
    if path in FULL:
        paper = PAPER[path.parent.name]
        assert type(optimizer) is paper['optimizer']
        for group in optimizer.param_groups:
            assert (group['lr'], group['weight_decay']) == (paper['lr'], paper['weight_decay'])


@pytest.mark.parametrize('path', FULL, ids=lambda path: path.stem)
def test_the_papers_settings(path, load):
    cfg, paper = load(path), PAPER[path.parent.name]
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == paper['batch_size']
    assert cfg.train_cfg.max_epochs == paper['epochs']
    assert not cfg.get('param_scheduler')
    dataset = cfg.train_dataloader.dataset
    for part in dataset.get('datasets', [dataset]):
        flips = [step for step in part.pipeline if step.type == 'RandomFlip']
        assert [step.get('direction', 'horizontal') for step in flips] == paper['flips']
        assert {step.prob for step in flips} == {0.5}
        crops = [tuple(step.crop_size) for step in part.pipeline if step.type == 'RandomCrop']
        assert len(crops) == (path.parent.name != 'classification')
        assert all(side % patch == 0 for crop in crops for side in crop for patch in (8, 14, 16))
    assert not any(step.type.startswith('Random') for step in cfg.test_dataloader.dataset.pipeline)
    if path.parent.name == 'segmentation':
        assert cfg.model.test_cfg == dict(mode='slide', crop_size=(448, 448), stride=(298, 298))
    if path.parent.name == 'depth':  # C.1
        assert cfg.model.test_cfg == dict(mode='whole')
        assert cfg.model.decode_head.loss_decode == [
            dict(type='mmssl_robust.SigLoss', rho=0.85),
            dict(type='mmssl_robust.GradientLoss', loss_weight=0.5),
        ]


@pytest.mark.parametrize('task, data', [(task, data) for task in TASKS for data in DATA[task]])
def test_configs_of_a_data_set_differ_in_the_encoder_alone(task, data, load):
    """What is left when the encoder, and what follows from its width, patch and kind, are checked and taken away."""
    rest = []
    for path in FULL:
        if path.parent.name != task or data_of(path) != data:
            continue
        cfg = load(path).to_dict()
        model, encoder = cfg['model'], cfg.pop('encoder')
        width, patch = cfg.pop('embed_dims'), cfg.pop('patch_size')
        backbone, head = model.pop('backbone'), model['head' if task == 'classification' else 'decode_head']
        for about in ('architecture', 'licence', 'url'):
            cfg.pop(about, None)
        colours = {name: cfg.pop(name) for name in ('mean', 'std') if name in cfg}
        if colours:  # of the encoder's own, in place of ImageNet's
            assert {name: model['data_preprocessor'][name] for name in colours} == colours
            model['data_preprocessor'].update(IMAGENET)
        if encoder['type'] == 'mmpretrain.ResNet':  # its settings and no others
            assert backbone == encoder
            assert model.pop('neck', None) == (dict(type='GlobalAveragePooling') if task == 'classification' else None)
        else:
            out_type = dict(classification='cls_token', segmentation='featmap', depth='featmap_cls')[task]
            before_norm = dict(final_norm=False) if task == 'depth' else {}  # docs/differences.md
            assert backbone == dict(encoder, out_type=out_type, frozen=True, **before_norm)
        assert head.pop('in_channels') == width
        if task == 'classification':
            assert model['data_preprocessor'].pop('pad_size_divisor') == patch
        else:
            assert model['data_preprocessor']['test_cfg'].pop('size_divisor') == patch
        if task == 'depth':
            assert model['data_preprocessor'].pop('size_divisor') == patch
        rest.append(cfg)
    assert len(rest) >= 18
    assert all(cfg == rest[0] for cfg in rest)


@pytest.mark.parametrize('task', TASKS)
def test_attacks_of_the_task(task):
    """Section 4: EmbedAttack and the task's own, Linf, eps 8/255, 20 steps of 2/255."""
    for name in ATTACKS[task]:
        attack = build_attack(load_preset(name))
        assert (attack.eps, attack.step_size, attack.steps) == (8 / 255, 2 / 255, 20)


@pytest.mark.parametrize('task', TASKS)
def test_metafile_says_what_the_configs_do(task, load):
    models = yaml.safe_load((ROOT / 'configs' / task / 'metafile.yml').read_text())['Models']
    assert {ROOT / model['Config'] for model in models} == {path for path in LEAFS if path.parent.name == task}
    for model in models:
        cfg = load(ROOT / model['Config'])
        assert model['Name'] == Path(model['Config']).stem
        assert model['Metadata']['Epochs'] == cfg.train_cfg.max_epochs
        assert model['Metadata']['Batch Size'] == cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size


@pytest.mark.parametrize('task', TASKS)
def test_readme_names_every_config_and_published_figure(task):
    readme = (ROOT / 'configs' / task / 'README.md').read_text()
    for path in LEAFS:
        if path.parent.name == task:
            assert f'({path.name})' in readme or f'`{path.name}`' in readme
    table = Path(mmssl_robust.__file__).parent / 'assets/paper/tables.csv'
    figures = {}
    for row in csv.DictReader(table.open()):
        if row['task'] == task:
            figures.setdefault((row['dataset'], row['encoder'], row['encoder_type']), []).append(row['value'])
    assert figures
    for names, values in figures.items():
        assert f'| {" | ".join((*names, *values))} |' in readme


def test_deacl_checkpoint_is_what_our_recipe_writes(load, monkeypatch):
    path = ROOT / 'configs/depth/deacl_vitb16_nyu.py'
    recipe = load(ROOT / 'configs/deacl/dino_vitb16_in1k.py')
    checkpoint = f'work_dirs/dino_vitb16_in1k/epoch_{recipe.train_cfg.max_epochs}.pth'
    backbone = load(path).model.backbone
    assert backbone.init_cfg.checkpoint == checkpoint
    assert backbone.arch == recipe.model.backbone.arch
    monkeypatch.setenv('DEACL_CHECKPOINT', 'elsewhere.pth')
    assert Config.fromfile(path).model.backbone.init_cfg.checkpoint == 'elsewhere.pth'


@pytest.mark.parametrize('name', MINI)
def test_mini_head_trains_and_is_tested(name, load, work_dir, monkeypatch):
    # The Runner formats the config six times for its logs, which takes longer than the training.
    monkeypatch.setattr(Config, 'pretty_text', '')
    cfg = copy.deepcopy(load(next(path for path in LEAFS if path.stem == name)))
    shrink(cfg)  # images of their own size go through above
    encoder = MODELS.build(cfg.model.backbone).vit.state_dict()
    cfg.model.backbone.init_cfg.checkpoint = str(work_dir.with_suffix('.pth'))
    torch.save(encoder, cfg.model.backbone.init_cfg.checkpoint)
    cfg.work_dir, cfg.log_level = str(work_dir), 'ERROR'
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    for part in ('train', 'val', 'test'):
        loader = cfg[f'{part}_dataloader']
        loader.dataset.indices = 2
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 1
    (bias,) = (p for name, p in runner.model.named_parameters() if name.endswith(('fc.bias', 'conv_seg.bias')))
    assert bias.abs().max() > 0  # it starts at zero
    torch.testing.assert_close(runner.model.backbone.vit.state_dict(), encoder, rtol=0, atol=0)
    metrics = runner.test()
    assert set(metrics) == MINI[name]
    assert np.isfinite(list(metrics.values())).all()
