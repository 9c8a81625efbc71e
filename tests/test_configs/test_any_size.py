"""The shipped configs work on images of any size, in training and under attack; what cannot is said in one line."""

import copy

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from toys import build, classification_batch, classifier_cfg, segmentation_batch, segmentor_cfg, shrink

from mmssl_robust.attacks import PGD, CrossEntropy
from mmssl_robust.utils.errors import UserError
from mmssl_robust.victims import build_victim

SIZES = [(50, 70), (97, 33), (64, 64), (61, 201)]  # height, width: multiples of neither 8 nor 14, but one
TASKS = {
    'classification': (
        'classification/mini_cifar10.py',
        dict(type='mmssl_robust.PGD', objective=dict(type='mmssl_robust.CrossEntropy')),
    ),
    'segmentation': ('segmentation/mini_camvid.py', dict(type='mmssl_robust.SegPGD')),
    'depth': ('depth/mini_nyu.py', dict(type='mmssl_robust.DepthPGD')),
}


def write(root):
    """Write images of all sizes with a class, label maps and depth maps."""
    rng = np.random.default_rng(0)
    for name in ('photos/a', 'images', 'labels', 'depths'):
        (root / name).mkdir(parents=True)
    for index, size in enumerate(SIZES):
        image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        for folder in ('photos/a', 'images'):
            cv2.imwrite(str(root / folder / f'{index}.jpg'), image)
        cv2.imwrite(str(root / 'labels' / f'{index}.png'), rng.integers(0, 11, size, dtype=np.uint8))
        cv2.imwrite(str(root / 'depths' / f'{index}.png'), rng.integers(500, 9000, size, dtype=np.uint16))
    return root


def dataset(task, pipeline, root):
    if task == 'classification':
        return dict(type='CustomDataset', data_root=str(root), data_prefix='photos', pipeline=pipeline)
    folder = dict(segmentation='labels', depth='depths')[task]
    prefix = {'img_path': 'images', 'seg_map_path' if task == 'segmentation' else 'depth_map_path': folder}
    kind = dict(segmentation='BaseSegDataset', depth='NYUDataset')[task]
    classes = dict(metainfo=dict(classes=[*'abcdefghijk'])) if task == 'segmentation' else {}
    return dict(type=kind, data_root=str(root), data_prefix=prefix, pipeline=pipeline, **classes)


@pytest.fixture
def run_of(config, work_dir, tmp_path):
    """Config of one epoch and a test under attack on images of any size; without what the pipelines do to sizes."""
    root = write(tmp_path / 'data')

    def make(task, sized):
        name, attack = TASKS[task]
        cfg = Config.fromfile(config(name))
        shrink(cfg)
        cfg.work_dir, cfg.log_level = str(work_dir), 'ERROR'
        cfg.experiment_name = f'{work_dir.parent.name}_{task}_{sized}'
        cfg.train_cfg.update(max_epochs=1, val_interval=9)
        cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
        for loader in (cfg.train_dataloader, cfg.test_dataloader):
            pipeline = copy.deepcopy(loader.dataset.pipeline)
            if not sized:
                pipeline = [step for step in pipeline if step['type'] not in ('Resize', 'ResizeEdge', 'CenterCrop')]
            loader.update(batch_size=4, num_workers=0, persistent_workers=False)
            loader.pop('dataset')
            loader.dataset = dataset(task, pipeline, root)
        attack = attack | dict(eps='4/255', step_size='2/255', steps=1)
        cfg.test_cfg = dict(type='mmssl_robust.AttackTestLoop', attacks=dict(own=attack))
        return cfg

    return make


@pytest.mark.parametrize('sized', [True, False])
@pytest.mark.parametrize('task', TASKS)
def test_any_size(run_of, task, sized):
    runner = Runner.from_cfg(run_of(task, sized))
    runner.train()
    metrics = runner.test()
    assert runner.test_loop.summary['images'] == len(SIZES)
    assert any(name.startswith('own/') for name in metrics)


@pytest.mark.parametrize('stage', ['train', 'test'])
@pytest.mark.parametrize('task', TASKS)
def test_what_cannot_be_padded_is_said_in_one_line(run_of, task, stage):
    cfg = run_of(task, sized=False)
    own = dict(classification='pad_size_divisor').get(task, 'size_divisor')
    preprocessor = cfg.model.data_preprocessor
    if task == 'classification':
        preprocessor.pop('pad_size_divisor')
    else:
        preprocessor.size_divisor, preprocessor.test_cfg.size_divisor = 1, 1
        own = own if stage == 'train' else f'test_cfg.{own}'
    message = rf'data/.*\.jpg, (50x70|70x50|33x97|201x61), does not fit DINOVision.*data_preprocessor\.{own}=8$'
    with pytest.raises(UserError, match=message) as caught:
        run(cfg, stage)
    assert '\n' not in str(caught.value) and len(str(caught.value)) < 600
    # The advice can be followed.
    if task == 'classification':
        preprocessor.pad_size_divisor = 8
    else:
        (preprocessor if stage == 'train' else preprocessor.test_cfg).size_divisor = 8
    cfg.experiment_name += '_mended'
    run(cfg, stage)


def run(cfg, stage):
    runner = Runner.from_cfg(cfg)
    runner.model.init_weights()  # by itself it does so in a training alone
    getattr(runner, stage)()


def test_windows_that_are_no_multiple():
    cfg = segmentor_cfg('slide')
    cfg['test_cfg']['crop_size'] = (20, 16)
    victim = build_victim(build(cfg), segmentation_batch((24, 40), (24, 40)))
    with pytest.raises(UserError, match='set model.test_cfg.crop_size to multiples of 8'):
        victim.predict(victim.pixels)


def test_an_attack_without_a_prediction_says_it_too():
    victim = build_victim(build(classifier_cfg()), classification_batch((12, 16)))
    with pytest.raises(UserError, match='image0.png, 16x12, does not fit .*pad_size_divisor=8$'):
        victim.attack(PGD(CrossEntropy(), steps=1))


def test_networks_of_one_size():
    """Such as timm's, which assert what they are made for."""
    model = build(classifier_cfg())

    def refuse(_, inputs):
        assert inputs[0].shape[-1] == 32, "Input height (16) doesn't match model (32)."

    model.backbone.register_forward_pre_hook(refuse)
    victim = build_victim(model, classification_batch((16, 16)))
    with pytest.raises(UserError, match='16x16, does not fit .*to the size that the network is made for'):
        victim.predict(victim.pixels)
    model.backbone._forward_pre_hooks.clear()
    model.backbone.register_forward_pre_hook(lambda *_: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match='inconsistent'):  # another fault stays what it is
        victim.predict(victim.pixels)
