"""Training a head with kept features."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from toys import shrink

from mmssl_robust.engine import FeatureCacheHook
from mmssl_robust.utils.errors import UserError


@pytest.fixture
def make(config, tmp_path):
    def build(name, folder, epochs, *hooks):
        cfg = Config.fromfile(config(name))
        shrink(cfg)
        cfg.work_dir, cfg.experiment_name = str(tmp_path / folder), folder
        cfg.train_cfg.update(max_epochs=epochs, val_interval=1)
        for part in ('train', 'val', 'test'):
            cfg[f'{part}_dataloader'].update(batch_size=4, num_workers=0, persistent_workers=False)
            cfg[f'{part}_dataloader'].dataset.indices = 6 if part == 'train' else 2
        cfg.custom_hooks = list(hooks)
        return cfg

    return build


def train(cfg):
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def log_of(runner):
    return next(Path(runner.log_dir).glob('*.log')).read_text()


HOOK = dict(type='mmssl_robust.FeatureCacheHook', limit='100MB')


@pytest.mark.parametrize(
    'name', ['classification/mini_cifar10.py', 'segmentation/mini_camvid.py', 'depth/mini_hololens.py']
)
def test_the_head_is_the_same(name, make):
    without = train(make(name, 'without', 3))
    cached = train(make(name, 'cached', 3, HOOK))
    first, second = without.model.state_dict(), cached.model.state_dict()
    assert first.keys() == second.keys()
    for key in first:
        torch.testing.assert_close(first[key], second[key], rtol=1e-4, atol=1e-6)
    log = log_of(cached)
    assert 'Cached features: 0 of ' in log
    hook = next(hook for hook in cached.hooks if isinstance(hook, FeatureCacheHook))
    assert hook.cache.hits > 0
    assert 'forward' not in vars(cached.model.backbone)


def test_random_crops_switch_it_off(make):
    cfg = make('segmentation/mini_camvid.py', 'crops', 3, HOOK)
    cfg.train_dataloader.dataset.pipeline.insert(-1, dict(type='RandomCrop', crop_size=(32, 32)))
    runner = train(cfg)
    assert 'features are cached no more' in log_of(runner)
    assert next(hook for hook in runner.hooks if isinstance(hook, FeatureCacheHook)).cache is None


def test_an_encoder_in_training_is_refused(make):
    cfg = make('classification/mini_cifar10.py', 'open', 1, HOOK)
    cfg.model.backbone.frozen = False
    with pytest.raises(UserError, match='frozen encoder alone: .* is trained'):
        train(cfg)


@pytest.mark.parametrize(('size', 'expected'), [('4GB', 2**32), ('1.5 MiB', 1572864), ('100', 100), ('2k', 2048)])
def test_sizes(size, expected):
    assert FeatureCacheHook(size).limit == expected


def test_no_size():
    with pytest.raises(UserError, match='write it as 4GB'):
        FeatureCacheHook('much')
