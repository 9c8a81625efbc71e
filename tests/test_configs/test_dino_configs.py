"""The DINO recipes: views, schedules and a whole short training on generated images."""

import math

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import Runner

EPOCHS = 14
WARMUP = 10


class Recorder(Hook):
    """Keeps the optimiser's settings of every iteration."""

    def __init__(self):
        self.bias, self.weight, self.losses = [], [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        # With paramwise_cfg every parameter has a group of its own.
        groups = {group['params'][0]: group for group in runner.optim_wrapper.param_groups}
        layer = runner.model.student.head.mlp[0]
        self.weight.append({key: groups[layer.weight][key] for key in ('lr', 'weight_decay')})
        self.bias.append(groups[layer.bias]['weight_decay'])

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append(outputs['loss'].item())


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """Two images in every folder that the recipes read."""
    generator = np.random.default_rng(0)
    for folder, size in {
        'cifar10/train/cat': (32, 32),
        'camvid/images/train': (36, 48),
        'nyu_half/images/train': (24, 32),
        'hololens/images/train': (36, 54),
        'imagenet/train/n01440764': (50, 40),
    }.items():
        (tmp_path / folder).mkdir(parents=True)
        for name in ('a.jpg', 'b.jpg'):
            cv2.imwrite(str(tmp_path / folder / name), generator.integers(0, 256, (*size, 3), dtype=np.uint8))
    monkeypatch.setenv('DATA_ROOT', str(tmp_path))
    return tmp_path


def build_dataset(path):
    init_default_scope('mmpretrain')
    return DATASETS.build(Config.fromfile(path).train_dataloader.dataset)


@pytest.mark.parametrize(
    'path, length, sizes',
    [
        ('configs/dino/dino_mini_pretrain.py', 2 + 6 * 6, [64] * 2 + [32] * 6),
        ('configs/dino/dino_vits16_pretrain_in1k.py', 2, [224] * 2 + [96] * 8),
    ],
)
def test_views(path, length, sizes, photographs):
    dataset = build_dataset(path)
    assert len(dataset) == length
    for index in (0, len(dataset) - 1):
        views = dataset[index]['inputs']
        assert [tuple(view.shape) for view in views] == [(3, size, size) for size in sizes]
        assert all(view.dtype == torch.uint8 for view in views)
        assert not torch.equal(views[0], views[1])


def test_mini_recipe_trains(photographs, monkeypatch):
    # The Runner formats the config six times for its logs, which takes longer than the training.
    monkeypatch.setattr(Config, 'pretty_text', '')
    cfg = Config.fromfile('configs/dino/dino_mini_pretrain.py')
    cfg.work_dir = str(photographs / 'work_dir')
    cfg.train_cfg.max_epochs = EPOCHS
    cfg.train_dataloader.update(batch_size=8, num_workers=0, persistent_workers=False, pin_memory=False)
    cfg.train_dataloader.dataset.datasets[1].times = 1
    cfg.model.backbone.arch.depth = 1
    cfg.model.head.update(hidden_dim=16, out_dim=32)
    cfg.log_level = 'ERROR'
    recorder = Recorder()
    runner = Runner.from_cfg(cfg)
    runner.register_hook(recorder)
    start = runner.model.teacher.backbone.vit.pos_embed.clone()
    runner.train()

    assert len(recorder.losses) == EPOCHS and np.isfinite(recorder.losses).all()
    assert not torch.equal(runner.model.teacher.backbone.vit.pos_embed, start)
    decay = [0.4 - 0.36 * (1 + math.cos(math.pi * t / EPOCHS)) / 2 for t in range(EPOCHS)]
    assert [settings['weight_decay'] for settings in recorder.weight] == pytest.approx(decay)
    assert recorder.bias == [0] * EPOCHS
    rates = [settings['lr'] for settings in recorder.weight]
    cosine = [1e-6 + (1e-3 - 1e-6) * (1 + math.cos(math.pi * t / (EPOCHS - WARMUP))) / 2 for t in range(4)]
    assert rates[0] == pytest.approx(1e-9)
    assert np.diff(rates[:WARMUP]) == pytest.approx(np.full(WARMUP - 1, np.diff(rates)[0]))
    assert rates[WARMUP:] == pytest.approx(cosine)
