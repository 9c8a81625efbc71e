"""Small trainings, and whether two of them came to the same."""

import torch
from mmengine.config import Config
from toys import CLASSES, segmentation_run, write_segmentation


def segmentor_training(folder):
    """Config of four epochs of a tiny segmentor with BatchNorm, validated."""
    write_segmentation(folder / 'data', [(24, 20)] * 12)
    cfg = Config(segmentation_run(folder / 'data', folder / 'work'))
    cfg.model.decode_head = dict(type='mmssl_robust.LinearBNHead', in_channels=16, num_classes=CLASSES)
    cfg.train_dataloader = dict(cfg.test_dataloader, batch_size=2, sampler=dict(type='DefaultSampler', shuffle=True))
    cfg.val_dataloader, cfg.val_evaluator = cfg.test_dataloader, cfg.test_evaluator
    cfg.train_cfg = dict(type='mmssl_robust.SeededTrainLoop', max_epochs=4)
    cfg.val_cfg = dict(type='mmssl_robust.AttackValLoop')
    cfg.optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9))
    cfg.param_scheduler = dict(type='PolyLR', power=0.9, end=12, by_epoch=False)
    cfg.default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=9))
    cfg.finetune = True
    return cfg


def is_same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(is_same, one, other))
    return one == other


def assert_same_training(first, second):
    """Weights, optimiser, schedules, counters: everything but the clock."""
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        assert is_same(first[part], second[part]), part
    assert first['meta']['iter'] == second['meta']['iter'] > 0
    assert first['meta']['epoch'] == second['meta']['epoch'] == 4
