"""Heads trained on the embedded photographs: a kill changes no bit of them."""

from multiprocessing import active_children

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmssl_robust.engine import SeededTrainLoop
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.resume import resume_from


class Killed(BaseException):
    pass


@pytest.fixture
def head_cfg(config, work_dir):
    """Config of four short epochs of a mini head."""

    def make(name):
        cfg = Config.fromfile(config(name))
        cfg.work_dir, cfg.log_level = str(work_dir), 'ERROR'
        cfg.train_cfg.update(max_epochs=4, val_interval=9)
        cfg.train_dataloader.update(batch_size=4, num_workers=0, persistent_workers=False)
        cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
        cfg.test_dataloader = cfg.test_evaluator = cfg.test_cfg = None
        return cfg

    return make


@pytest.fixture
def classification(head_cfg):
    cfg = head_cfg('classification/mini_cifar10.py')
    cfg.train_dataloader.dataset.indices = 12
    return cfg


@pytest.fixture
def segmentation(head_cfg):
    cfg = head_cfg('segmentation/mini_camvid.py')
    cfg.train_dataloader.dataset.pipeline.insert(-1, dict(type='RandomCrop', crop_size=(64, 64), cat_max_ratio=0.75))
    cfg.train_dataloader.dataset.indices = 6
    return cfg


def run(cfg, folder):
    cfg = cfg.copy()
    cfg.work_dir, cfg.experiment_name = str(folder), f'{folder.parent.name}_{folder.name}'
    newest, _ = resume_from(folder, 'auto')
    cfg.resume, cfg.load_from = newest is not None, str(newest) if newest else None
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def kill_in_epoch(patch, epoch):
    step = SeededTrainLoop.run_iter

    def dying(self, index, data_batch):
        if (self.epoch, index) == (epoch - 1, 1):
            raise Killed
        step(self, index, data_batch)

    patch.setattr(SeededTrainLoop, 'run_iter', dying)


@pytest.mark.parametrize('task', ['classification', 'segmentation'])
def test_a_killed_head_ends_as_an_undisturbed_one(task, request, tmp_path, monkeypatch):
    cfg = request.getfixturevalue(task)
    expected = run(cfg, tmp_path / 'whole')
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_in_epoch(patch, 3)
        run(cfg, tmp_path / 'killed')
    assert not (tmp_path / 'killed' / 'epoch_3.pth').exists()
    torch.rand(7)  # whatever else draws random numbers
    killed = run(cfg, tmp_path / 'killed')
    assert killed.iter == expected.iter == 4 * (3 if task == 'classification' else 2)
    first, second = expected.model.state_dict(), killed.model.state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(key.startswith(('head', 'decode_head')) and second[key].abs().max() > 0 for key in second)


def test_augmentation_differs_between_epochs(classification, tmp_path, monkeypatch):
    seen = []
    step = SeededTrainLoop.run_iter

    def watching(self, index, data_batch):
        for image, sample in zip(data_batch['inputs'], data_batch['data_samples']):
            seen.append((self.epoch, sample.sample_idx, int(image.long().sum(dim=(0, 1))[0])))
        step(self, index, data_batch)

    monkeypatch.setattr(SeededTrainLoop, 'run_iter', watching)
    run(classification, tmp_path / 'run')
    assert len(seen) == 48
    left_columns = {index: {column for _, other, column in seen if other == index} for index in range(12)}
    assert sorted({len(columns) for columns in left_columns.values()}) in ([2], [1, 2])  # flipped in some epochs
    assert {index for epoch, index, _ in seen if epoch == 0} == set(range(12))


def test_weights_that_are_not_finite_are_not_trained_on(classification, tmp_path, monkeypatch):
    classification.optim_wrapper.optimizer.lr = float('inf')
    classification.param_scheduler = []
    with pytest.raises(UserError, match='not finite'):
        run(classification, tmp_path / 'run')


class Line(BaseModel):
    def __init__(self):
        super().__init__()
        self.slope = torch.nn.Parameter(torch.ones(()))

    def forward(self, x, mode):
        return dict(loss=(self.slope * x).square().mean())


@pytest.mark.parametrize('is_built', [False, True])
def test_a_runner_without_a_config_accumulates(is_built, work_dir):
    model = Line()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1) if is_built else dict(type='SGD', lr=0.1)
    wrapper = (OptimWrapper if is_built else dict)(optimizer=optimiser, accumulative_counts=2)
    runner = Runner(
        model,
        str(work_dir),
        DataLoader([dict(x=torch.ones(1))] * 10, batch_size=2),
        train_cfg=dict(type='mmssl_robust.SeededTrainLoop', max_epochs=1),
        optim_wrapper=wrapper,
        experiment_name=f'line_{is_built}',
        log_level='ERROR',
    )
    runner.train()
    assert runner.iter == 4  # the fifth batch would fill half a step
    assert model.slope.item() == pytest.approx((1 - 0.1 * 2) ** 2)  # two steps, each of gradient 2 * slope


def test_settings_of_a_loop_by_steps_are_refused():
    with pytest.raises(UserError, match='train_cfg says max_iters.*say max_epochs'):
        SeededTrainLoop(None, {}, max_epochs=1, max_iters=2, val_interval=1)


def test_no_worker_waits_for_another_epoch(classification, work_dir):
    before = active_children()
    classification.train_dataloader.update(num_workers=1, persistent_workers=True)
    classification.train_cfg.max_epochs = 1
    runner = run(classification, work_dir)
    assert runner.epoch == 1 and set(active_children()) <= set(before)
