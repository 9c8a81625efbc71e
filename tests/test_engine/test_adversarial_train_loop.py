"""The training loop through MMEngine's Runner, on the embedded photographs."""

import json

import pytest
import torch
from mmengine.runner import Runner
from toys import backbone_cfg

from mmssl_robust.engine.seeded_train_loop import WholeSteps, share_of_batch
from mmssl_robust.utils.errors import UserError


@pytest.fixture
def train_cfg(deacl_cfg):
    """Two epochs."""
    deacl_cfg.train_cfg.max_epochs = 2
    return deacl_cfg


def run(cfg):
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def scalars(work_dir):
    files = sorted(work_dir.glob('*/vis_data/scalars.json'))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_trains_and_says_what_it_cost(train_cfg, work_dir, capsys):
    runner = run(train_cfg)
    assert runner.iter == 6
    costs = [line for line in scalars(work_dir) if 'cost/forwards' in line]
    assert [line['step'] for line in costs] == [1, 2]
    assert costs[0]['cost/forwards'] == 24 * 8 and costs[0]['cost/backwards'] == 24 * 7
    assert costs[0]['cost/images_per_second'] == pytest.approx(24 / costs[0]['cost/seconds'])
    log = next(work_dir.glob('*/*.log')).read_text()
    assert 'Cost of epoch 2: 8 forwards and 7 backwards an image, 24 images in ' in log
    state = torch.load(work_dir / 'epoch_2.pth', weights_only=False)
    assert {key.split('.')[0] for key in state['state_dict']} == {'backbone'}


@pytest.mark.parametrize(
    'kept', [dict(cost='much'), dict(cost=dict(forwards='x')), dict(cost=dict(tea=1)), dict(seconds=[])]
)
def test_a_cost_that_is_damaged(kept, train_cfg):
    runner = Runner.from_cfg(train_cfg)
    loop = runner.build_train_loop(runner._train_loop)
    loop.stopped = kept
    with pytest.raises(UserError, match='is damaged: --resume another checkpoint'):
        loop.run_epoch()


def test_accumulation_ends_with_whole_steps_and_equals_the_whole_batch(train_cfg):
    train_cfg.optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
    train_cfg.param_scheduler = []
    whole = run(train_cfg).model.state_dict()
    train_cfg.optim_wrapper.accumulative_counts = 2
    train_cfg.work_dir += '_accumulated'
    train_cfg.train_cfg.images_per_epoch = 28  # seven batches of four: the last would be half a step
    train_cfg.train_cfg.max_epochs = 1
    runner = run(train_cfg)
    assert runner.iter == 6 and runner.train_dataloader.batch_size == 4
    assert not any(p.grad is not None and p.grad.abs().max() > 0 for p in runner.model.parameters())
    train_cfg.work_dir += '_again'
    train_cfg.train_cfg.images_per_epoch = 24
    train_cfg.train_cfg.max_epochs = 2
    accumulated = run(train_cfg).model.state_dict()
    torch.testing.assert_close(dict(accumulated), dict(whole), rtol=1e-4, atol=1e-5)


def test_scales_the_learning_rate_by_the_total_batch(train_cfg):
    train_cfg.auto_scale_lr = dict(enable=True, base_batch_size=64)
    train_cfg.param_scheduler = []
    runner = run(train_cfg)
    assert runner.optim_wrapper.get_lr()['lr'][0] == pytest.approx(5e-4 * 8 / 64)


@pytest.mark.parametrize('skipped, stops', [(0, 'step 2'), (1, 'step 3')])
def test_nan_ends_with_the_step_the_rate_and_the_checkpoint(train_cfg, work_dir, monkeypatch, skipped, stops):
    train_cfg.train_cfg.max_skipped_steps = skipped
    runner = Runner.from_cfg(train_cfg)
    forward = runner.model.forward
    weights = []

    def broken(*args, **kwargs):
        weights.append(runner.model.backbone.vit.cls_token.clone())
        losses = forward(*args, **kwargs)
        return losses if len(weights) == 1 else losses | dict(loss_teacher=losses['loss_teacher'] * float('nan'))

    monkeypatch.setattr(runner.model, 'forward', broken)
    with pytest.raises(
        UserError, match=rf'not finite at {stops} \(epoch 1, learning rate .*\); there is no checkpoint'
    ):
        runner.train()
    assert torch.equal(weights[-1], weights[1]), 'no bad loss has moved a weight'


def test_weights_that_are_not_finite_are_not_saved(train_cfg, work_dir, monkeypatch):
    runner = Runner.from_cfg(train_cfg)
    save = runner.save_checkpoint

    def poison(*args, **kwargs):
        if runner.epoch == 1:
            runner.model.backbone.vit.norm.bias.data.fill_(float('nan'))
        save(*args, **kwargs)

    monkeypatch.setattr(runner, 'save_checkpoint', poison)
    with pytest.raises(
        UserError, match='1 weights are not finite at step 6 .* first backbone.vit.norm.bias.* epoch 1;'
    ):
        runner.train()
    assert [path.name for path in work_dir.glob('*.pth')] == ['epoch_1.pth']


def test_fewer_images_than_a_batch(train_cfg):
    train_cfg.train_cfg.images_per_epoch = 4
    with pytest.raises(UserError, match='4 images are fewer than one batch of 8'):
        run(train_cfg)


def test_an_image_that_cannot_be_read(train_cfg, tmp_path):
    folder = tmp_path / 'photos'
    folder.mkdir()
    for index in range(8):
        (folder / f'{index}.jpg').write_bytes(b'no image')
    train_cfg.train_dataloader.dataset.data_root = str(tmp_path)
    train_cfg.train_dataloader.dataset.data_prefix = 'photos'
    with pytest.raises(UserError, match=r'cannot read .*\.jpg'):
        run(train_cfg)


def test_serves_adversarial_training_alone(train_cfg):
    train_cfg.model = dict(
        type='mmpretrain.ImageClassifier',
        backbone=backbone_cfg('cls_token'),
        head=dict(type='mmpretrain.LinearClsHead', num_classes=10, in_channels=16),
    )
    with pytest.raises(
        UserError, match='AdversarialTrainLoop trains DeACL .*, not ImageClassifier: set train_cfg.type'
    ):
        run(train_cfg)


@pytest.mark.parametrize('total, processes, accumulated, share', [(128, 8, 1, 16), (128, 2, 4, 16), (4, 4, 1, 1)])
def test_share_of_batch(total, processes, accumulated, share):
    assert share_of_batch(total, processes, accumulated) == share


@pytest.mark.parametrize('total, says', [(4, 'is smaller than'), (12, 'cannot be divided among')])
def test_batches_that_cannot_be_shared(total, says):
    with pytest.raises(UserError, match=f'the batch of {total} images {says} 8 processes'):
        share_of_batch(total, 8, 1)


def test_whole_steps_of_a_loader():
    loader = torch.utils.data.DataLoader(range(7), batch_size=1)
    assert len(WholeSteps(loader, 3)) == 6 and len(list(WholeSteps(loader, 3))) == 6
    assert WholeSteps(loader, 3).dataset is loader.dataset
