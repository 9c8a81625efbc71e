"""The DeACL recipes: the paper's settings, and a short training of each on generated images."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from toys import backbone_cfg

from mmssl_robust.registry import DATASETS
from mmssl_robust.utils.config_files import find_config


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """Four images in every folder that the recipes read."""
    generator = np.random.default_rng(0)
    for folder in (
        'cifar10/train/cat',
        'camvid/images/train',
        'nyu_half/images/train',
        'hololens/images/train',
        'imagenet/train/n01440764',
    ):
        (tmp_path / folder).mkdir(parents=True)
        for name in 'abcd':
            image = generator.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / folder / f'{name}.jpg'), image)
    monkeypatch.setenv('DATA_ROOT', str(tmp_path))


def test_the_papers_settings(config):
    """C.2, and the notes on the inner attack: Eq. (2) with gamma 2, five steps of 2/255 within 4/255."""
    cfg = Config.fromfile(config('deacl/dino_vitb16_in1k.py'))
    assert cfg.model.gamma == 2 and cfg.model.tokens == 'cls'
    attack = {key: cfg.model.attack[key] for key in ('norm', 'eps', 'step_size', 'steps')}
    assert attack == dict(norm='linf', eps='4/255', step_size='2/255', steps=5)
    assert cfg.optim_wrapper.optimizer == dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=0.0)
    assert cfg.train_cfg.max_epochs == 100 and cfg.train_cfg.total_batch_size == 128
    assert cfg.auto_scale_lr.base_batch_size == 128
    flips = [step.direction for step in cfg.train_dataloader.dataset.pipeline if step.type == 'RandomFlip']
    assert flips == ['horizontal', 'vertical']


@pytest.mark.parametrize(
    'name, length, size', [('dino_vitb16_in1k', 4, 224), ('dino_vitb16_in1k_probes', 4, 224), ('dino_mini', 148, 64)]
)
def test_data(name, length, size, config, photographs):
    init_default_scope('mmpretrain')
    dataset = DATASETS.build(Config.fromfile(config(f'deacl/{name}.py')).train_dataloader.dataset)
    assert len(dataset) == length
    for index in (0, length - 1):
        assert dataset[index]['inputs'].shape == (3, size, size)


@pytest.mark.parametrize('name', ['dino_vitb16_in1k_probes', 'dino_mini'])
def test_probes_name_configs_with_those_attacks(name, config):
    cfg = Config.fromfile(config(f'deacl/{name}.py'))
    metrics = []
    for probe, arguments in cfg.val_cfg.probes.items():
        task = Config.fromfile(find_config(arguments.config))
        assert task.model.backbone.arch == cfg.model.backbone.arch
        metrics += [f'{probe}/{attack}/mIoU' for attack in arguments.attacks]
    assert cfg.default_hooks.checkpoint.save_best in metrics


def test_schedule_warms_up_and_falls_as_a_cosine(config, photographs, work_dir):
    cfg = Config.fromfile(config('deacl/dino_vitb16_in1k.py'))
    cfg.merge_from_dict(
        {
            'model.attack.steps': 0,
            'train_cfg.total_batch_size': 4,
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            'train_dataloader.dataset.pipeline.1.scale': 16,
            'default_hooks.checkpoint.interval': 1000,
            'default_hooks.logger.interval': 1000,
            'work_dir': str(work_dir),
            'log_level': 'WARNING',
        }
    )
    cfg.model.backbone = backbone_cfg('cls_token')
    runner = Runner.from_cfg(cfg)
    rates = []
    step = runner.call_hook

    def watch(name, **kwargs):
        if name == 'before_train_iter':
            rates.append(runner.optim_wrapper.get_lr()['lr'][0])
        step(name, **kwargs)

    runner.call_hook = watch
    runner.train()
    assert len(rates) == 100
    assert rates[0] == pytest.approx(0.05e-3) and rates[:10] == sorted(rates[:10])
    expected = [0.025 * (1 + np.cos(np.pi * (epoch - 10) / 90)) for epoch in range(10, 100)]
    assert rates[10:] == pytest.approx(expected, rel=0.02, abs=2e-5)
