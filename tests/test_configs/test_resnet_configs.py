"""ResNets as encoders: weights, a training on each data set, attacks on each task."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from toys import classification_batch, depth_batch, segmentation_batch

from mmssl_robust.building import build_attack
from mmssl_robust.presets import load_preset
from mmssl_robust.registry import MODELS as OURS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.victims import build_victim

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
SIZE = (64, 96)
DATA = ['classification/cifar10', 'classification/cifar100', 'classification/stl10', 'segmentation/ade20k']
DATA += ['segmentation/cityscapes', 'segmentation/voc2012', 'depth/nyu']


def write_checkpoint(path, backbone):
    """Save in MMPretrain's layout of SimCLR and SimSiam: the encoder beside a neck and a head."""
    state = {f'backbone.{key}': value for key, value in backbone.state_dict().items()}
    state |= {'neck.fc0.weight': torch.zeros(2), 'head.predictor.fc0.weight': torch.zeros(2)}
    torch.save(dict(state_dict=state, meta=dict(epoch=1)), path)


@pytest.fixture
def simclr(tmp_path, monkeypatch):
    """A generated ResNet-18 as SimCLR's checkpoint."""
    backbone = MODELS.build(dict(type='mmpretrain.ResNet', depth=18, zero_init_residual=False))
    backbone.init_weights()
    for module in backbone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_().mul_(0.1)
            module.running_var.uniform_(0.5, 1.5)
    write_checkpoint(tmp_path / 'simclr.pth', backbone)
    monkeypatch.setenv('SIMCLR_RESNET18', str(tmp_path / 'simclr.pth'))
    return backbone.state_dict()


@pytest.mark.parametrize('name', ['simclr_resnet50', 'simsiam_resnet50', 'simclr_resnet18', 'simsiam_resnet18'])
def test_weights_and_freezing(name, tmp_path):
    cfg = Config.fromfile(CONFIGS / f'_base_/models/{name}.py').encoder
    del cfg['_delete_']
    source = MODELS.build(cfg)
    for module in source.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 1.5)
    write_checkpoint(tmp_path / 'weights.pth', source)
    cfg.init_cfg.checkpoint = str(tmp_path / 'weights.pth')
    loaded = MODELS.build(cfg)
    loaded.init_weights()
    torch.testing.assert_close(loaded.state_dict(), source.state_dict(), rtol=0, atol=0)
    loaded.train()
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    loaded(torch.randn(2, 3, 64, 64))
    torch.testing.assert_close(loaded.state_dict(), source.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize('prefix', ['module.encoder.', None])
def test_other_public_layouts(prefix, simclr, tmp_path):
    """Those of facebookresearch/simsiam, whose projector is called fc, and of torchvision."""
    state = {(prefix or '') + key: value for key, value in simclr.items()}
    state[f'{prefix or ""}fc.0.weight'] = torch.zeros(2)
    torch.save(dict(state_dict=state) if prefix else state, tmp_path / 'checkpoint_0099.pth.tar')
    cfg = Config.fromfile(CONFIGS / '_base_/models/simclr_resnet18.py').encoder
    del cfg['_delete_']
    cfg.init_cfg.update(checkpoint=str(tmp_path / 'checkpoint_0099.pth.tar'), prefix=prefix)
    loaded = MODELS.build(cfg)
    loaded.init_weights()
    torch.testing.assert_close(loaded.state_dict(), simclr, rtol=0, atol=0)


def test_a_part_of_the_weights_is_refused(simclr, tmp_path):
    cfg = Config.fromfile(CONFIGS / '_base_/models/simclr_resnet18.py').encoder
    del cfg['_delete_']
    state = {f'backbone.{key}': value for key, value in simclr.items() if 'layer4.1' not in key}
    torch.save(dict(state_dict=state), tmp_path / 'part.pth')
    cfg.init_cfg.checkpoint = str(tmp_path / 'part.pth')
    with pytest.raises(UserError, match=r'does not fit this encoder .*missing: layer4\.1'):
        MODELS.build(cfg).init_weights()
    cfg.init_cfg.prefix = 'nothing.'
    with pytest.raises(UserError, match="prefix 'nothing.'"):
        MODELS.build(cfg).init_weights()


@pytest.mark.parametrize('data', DATA)
def test_trains_and_is_tested(data, full_data, simclr, work_dir, monkeypatch):
    """An epoch and a test as the config has them, but for the number of images; a validation is such a test."""
    monkeypatch.setattr(Config, 'pretty_text', '')
    monkeypatch.setenv('DATA_ROOT', str(full_data))
    task, _, name = data.partition('/')
    cfg = Config.fromfile(CONFIGS / task / f'simclr_resnet18_{name}.py')
    cfg.work_dir, cfg.log_level = str(work_dir), 'ERROR'
    epochs, cfg.train_cfg.max_epochs = cfg.train_cfg.max_epochs, 1
    assert epochs % cfg.train_cfg.val_interval == 0
    cfg.train_cfg.val_begin = 2
    cfg.default_hooks.checkpoint.interval = 2
    for part in ('train', 'val', 'test'):
        cfg[f'{part}_dataloader'].update(num_workers=0, persistent_workers=False)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 1
    assert runner.optim_wrapper.get_lr()['lr'] == [cfg.optim_wrapper.optimizer.lr]
    torch.testing.assert_close(runner.model.backbone.state_dict(), simclr, rtol=0, atol=0)
    metrics = runner.test()
    assert np.isfinite([value for key, value in metrics.items() if key != 'mAcc']).all()


@pytest.mark.parametrize('tokens', ['task', 'patch', 'cls'])
@pytest.mark.parametrize('data', ['classification/cifar10', 'segmentation/voc2012', 'depth/nyu'])
def test_embedding(data, tokens, simclr):
    """The pooled map for classification; every place of the map, once for each window, for dense tasks."""
    task, _, name = data.partition('/')
    victim, _ = make_victim(task, name)
    if tokens == ('patch' if task == 'classification' else 'cls'):
        with pytest.raises(UserError, match='the encoder gives no'):
            victim.embedding(victim.pixels, tokens)
        return
    places = dict(classification=1, segmentation=2 * 2 * 2, depth=2 * 3)[task]
    assert victim.embedding(victim.pixels, tokens).shape == (2, places, 512)


@pytest.mark.parametrize(
    'data, attacks',
    [
        ('classification/cifar10', ['embed', 'pgd']),
        ('segmentation/voc2012', ['embed', 'segpgd']),
        ('depth/nyu', ['embed', 'depthpgd']),
    ],
)
def test_attacks(data, attacks, simclr):
    task, _, name = data.partition('/')
    victim, model = make_victim(task, name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    for attack in attacks:
        result = victim.attack(build_attack(load_preset(attack, steps=2)))
        assert 0 < (result.adv - victim.pixels).abs().max() <= 8 / 255 + 1e-6
        assert result.loss.isfinite().all() and result.score.isfinite().all()
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)


def make_victim(task, name):
    """A ResNet-18 with its head, and two images of SIZE; windows are of 64 pixels."""
    cfg = Config.fromfile(CONFIGS / task / f'simclr_resnet18_{name}.py')
    init_default_scope(cfg.default_scope)
    if task == 'segmentation':
        cfg.model.test_cfg.update(crop_size=(64, 64), stride=(32, 32))
    model = OURS.build(cfg.model)
    model.init_weights()
    model.eval()
    if task == 'classification':
        batch = classification_batch(SIZE, SIZE)
    else:
        batch = (segmentation_batch if task == 'segmentation' else depth_batch)(SIZE, SIZE, SIZE)
    return build_victim(model, batch), model
