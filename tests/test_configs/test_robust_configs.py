"""The recipes of robust training: alike in all but the method."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch.utils.flop_counter import FlopCounterMode
from toys import undrawn

from mmssl_robust.datasets.reading import read_sample
from mmssl_robust.models.algorithms.adversary import build_adversaries
from mmssl_robust.registry import DATASETS, MODELS

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'robust'
RECIPES = sorted(path.stem for path in FOLDER.glob('*_mini_wide.py'))
FULL_SIZE = sorted(path.stem for path in FOLDER.glob('*_in1k.py'))
LABELLED = ['supervised_mini_wide', 'tecoa_mini_wide']
HEADS = ['cifar10', 'camvid', 'nyu']
ENCODERS = ('dino_vits16', 'dino_vitb16', 'dinov2_vits14', 'dinov2_vitb14')


@pytest.fixture
def recipe(data_root):
    return lambda name: Config.fromfile(FOLDER / f'{name}.py')


@pytest.fixture(autouse=True)
def of_shapes_alone():
    """Networks here are on the meta device."""
    with undrawn():
        yield


def test_equal_images_steps_and_probes(recipe):
    """Nothing differs but the model, for LORE how its dual network is trained, and images where labels are needed."""
    standard = recipe('fare_mini_wide')
    for name in RECIPES:
        cfg = recipe(name)
        for part in ('train_cfg', 'param_scheduler', 'val_cfg', 'randomness', 'default_hooks'):
            assert cfg[part] == standard[part], (name, part)
        without_set = [{**one.train_dataloader, 'dataset': None} for one in (cfg, standard)]
        assert without_set[0] == without_set[1], name
        assert (cfg.train_dataloader.dataset == standard.train_dataloader.dataset) == (name not in LABELLED), name
        assert cfg.optim_wrapper.optimizer == standard.optim_wrapper.optimizer, name
        assert cfg.optim_wrapper.clip_grad == standard.optim_wrapper.clip_grad, name
    assert standard.train_cfg.max_epochs * standard.train_cfg.images_per_epoch == 51200
    assert list(standard.val_cfg.probes) == HEADS
    assert all(probe.clean > 0 for probe in standard.val_cfg.probes.values()), 'there is a min_skill'


@pytest.mark.parametrize('name', RECIPES)
def test_adversaries_have_one_budget(name, recipe):
    """In Linf 4/255 throughout, and two steps unless they are said to be one."""
    model = recipe(name).model
    if model.get('adversaries') is not None:
        entries = model.adversaries
    else:
        entries = [dict(attack=model.attack, heads=list(model.get('heads', ())))]
    adversaries = build_adversaries(entries, HEADS, 'embedding', model.type)
    attacks = [adversary.attack for adversary in adversaries if adversary.attack]
    assert bool(attacks) == (name != 'clean_mini_wide')
    for attack in attacks:
        assert attack.steps == (1 if 'nfgsm' in name else 2)
        assert attack.norm != 'linf' or attack.eps == pytest.approx(4 / 255)


@pytest.mark.parametrize('name', RECIPES)
def test_builds_for_the_wide_mini_encoder(name, recipe):
    with torch.device('meta'):
        model = MODELS.build(recipe(name).model)
    assert sum(parameter.numel() for parameter in model.backbone.parameters()) == 5595136
    assert model.backbone.embed_dims == 256 and model.embed.tokens == 'both'


def test_a_robust_student_goes_on_within_twice_the_budget(recipe):
    """Nothing else differs but where the student starts and how many images it sees; the teacher is as before."""
    begun, goes_on = recipe('task_aware_dealt_mini_wide'), recipe('mini_robust_eps8')
    assert goes_on.model.pop('teacher') == begun.model.backbone
    assert goes_on.model.backbone.init_cfg.checkpoint == 'mmssl_robust://mini_robust/encoder.safetensors'
    assert goes_on.train_cfg.max_epochs * goes_on.train_cfg.pop('images_per_epoch') == 10240
    del begun.train_cfg.images_per_epoch
    goes_on.model.backbone.init_cfg = begun.model.backbone.init_cfg
    for before, after in zip(begun.model.adversaries, goes_on.model.adversaries, strict=True):
        assert (before.attack.eps, before.attack.step_size) == ('4/255', '2/255')
        assert (after.attack.eps, after.attack.step_size) == ('8/255', '4/255')
        before.attack = after.attack
    for part in ('model', 'train_cfg', 'train_dataloader', 'param_scheduler', 'optim_wrapper', 'val_cfg'):
        assert goes_on[part] == begun[part], part


def test_methods_of_the_small_encoder(recipe):
    """Equal images, steps, budgets and tokens; only N-FGSM attacks in one step."""
    classes = dict(deacl='DeACL', fare='FARE', fare_nfgsm='FARE', task_aware_dealt_nfgsm='TaskAware')
    assert sorted(f'{method}_small' for method in classes) == sorted(path.stem for path in FOLDER.glob('*_small.py'))
    standard = recipe('fare_small')
    for method, algorithm in classes.items():
        cfg = recipe(f'{method}_small')
        for part in ('train_cfg', 'train_dataloader', 'param_scheduler', 'optim_wrapper'):
            assert cfg[part] == standard[part], (method, part)
        cfg.model.backbone.init_cfg = None
        with torch.device('meta'):
            model = MODELS.build(cfg.model)
        assert (type(model).__name__, model.embed.tokens) == (algorithm, 'both')
        attacks = [adversary.attack for adversary in model.adversaries]
        assert {(attack.norm, attack.eps) for attack in attacks} == {('linf', 4 / 255)}
        assert {attack.steps for attack in attacks} == {1 if 'nfgsm' in method else 2}


def test_on_imagenet_every_method_has_every_encoder(recipe):
    """Equal images, steps, attacks and tokens; only N-FGSM attacks in one step."""
    methods = (
        'deacl',
        'fare',
        'fare_nfgsm',
        'lore',
        'trades',
        'task_aware',
        'task_aware_dealt',
        'task_aware_dealt_nfgsm',
    )
    assert sorted(f'{method}_{encoder}_in1k' for method in methods for encoder in ENCODERS) == FULL_SIZE
    standard = recipe('fare_dino_vitb16_in1k')
    for name in FULL_SIZE:
        cfg = recipe(name)
        for part in ('train_cfg', 'train_dataloader', 'param_scheduler', 'default_hooks'):
            assert cfg[part] == standard[part], (name, part)
        assert cfg.optim_wrapper.optimizer == standard.optim_wrapper.optimizer, name
        assert (cfg.model.tokens, cfg.model.backbone.final_norm) == ('both', 'both')
        attacks = [entry.attack for entry in cfg.model.get('adversaries') or [cfg.model]]
        assert {(attack.eps, attack.get('steps')) for attack in attacks} == {('4/255', None if 'nfgsm' in name else 10)}
        assert cfg.model.backbone.arch in name


@pytest.mark.parametrize('name', FULL_SIZE)
def test_builds_for_encoders_of_imagenet(name, recipe):
    """Heads that were trained beforehand fit the encoder that is trained; what they are called, a run says."""
    with torch.device('meta'):
        model = MODELS.build(recipe(name).model)
    encoder = next(encoder for encoder in ENCODERS if encoder in name)
    assert model.backbone.embed_dims == (384 if 'vits' in encoder else 768)
    if 'task_aware' in name:
        assert list(model.heads) == ['cifar10', 'ade20k', 'nyu']
        assert model.heads['nyu'].source == f'work_dirs/{encoder}_nyu/epoch_20.pth'


@pytest.mark.parametrize('name', LABELLED)
def test_labels(name, recipe):
    """Every head is held to labels, the embedding to nothing, and each image has the label of one head."""
    model = recipe(name).model
    assert all(head.labels for head in model.heads.values()) and model.embedding_weight == 0
    assert list(model.heads) == (HEADS if name == 'supervised_mini_wide' else HEADS[:1])


def test_images_with_labels_of_three_tasks(tmp_path, monkeypatch):
    """A third of the images each, as many as there are; all are crops of 64 pixels, and their labels with them."""
    monkeypatch.setenv('DATA_ROOT', str(tmp_path))
    bright = np.tile(np.arange(80) >= 40, (60, 1))
    image = np.repeat(bright[..., None] * np.uint8(255), 3, axis=2)
    for name, content in {
        'cifar10/train/cat/0.png': image[:32, :32],
        'camvid/images/train/0.jpg': image,
        'camvid/annotations/train/0.png': np.where(bright, 3, 11).astype(np.uint8),
        'nyu_half/images/train/0.jpg': image,
        'nyu_half/annotations/train/0.png': np.where(bright, 4500, 0).astype(np.uint16),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True)
        cv2.imwrite(str(tmp_path / name), content)
    cfg = Config.fromfile(FOLDER / 'supervised_mini_wide.py').train_dataloader.dataset
    counts = [part.get('times', 1) * count for part, count in zip(cfg.datasets, (30000, 367, 795))]
    assert counts == [30000, 30094, 30210]
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(cfg)
        items = [read_sample(dataset, index) for index in (0, *range(1, 6), *range(83, 88))]
    assert len(dataset) == 1 + 82 + 38
    assert all(item['inputs'].shape == (3, 64, 64) for item in items)
    assert int(items[0]['data_samples'].gt_label) == 0 and 'gt_sem_seg' not in items[0]['data_samples']
    for kind, dark, light, found in (('gt_sem_seg', 255, 3, items[1:6]), ('gt_depth_map', 0, 4.5, items[6:])):
        for item in found:
            pixels, label = item['inputs'][:1].float(), item['data_samples'].get(kind).data
            assert label.shape == (1, 64, 64)
            away = (pixels - 127.5).abs() > 100  # from the edge, which the enlargement blurs
            assert away.float().mean() > 0.9
            assert torch.equal(label[away].float(), torch.where(pixels > 127, light, dark)[away].float())


def test_the_costs_of_imagenet_that_the_page_says(recipe):
    """Two epochs, a backward as two forwards, by the passes of the table above."""
    page = (FOLDER / 'README.md').read_text()
    found = re.findall(r'^\| ([^|]+) \| (\d+) \| (\d+) \|$', page.partition('## On ImageNet')[2], re.M)
    passes = {name: (int(forwards), int(backwards)) for name, forwards, backwards in found}
    costs = re.findall(r'^\| ([^|]+) \|' + r' (\d+) \|' * 4 + '$', page, re.M)
    assert [name for name, *_ in costs] == ['DeACL, LORE', 'TRADES', 'FARE, task-aware', 'by N-FGSM']
    for column, encoder in enumerate(ENCODERS, 1):
        backbone = recipe(f'fare_{encoder}_in1k').model.backbone | dict(init_cfg=None)
        with torch.device('meta'), FlopCounterMode(display=False) as counter:
            MODELS.build(backbone)(torch.empty(1, 3, 224, 224))
        for name, *said in costs:
            forwards, backwards = passes[name.replace('by N-FGSM', 'FARE, task-aware by N-FGSM')]
            cost = 2 * 1281167 * (forwards + 2 * backwards) * counter.get_total_flops()
            assert round(cost / 1e15) == int(said[column - 1])
