"""A short DINO training under MMEngine: schedules, frozen last layer, no collapse, export."""

import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from mmssl_robust.engine.hooks.dino_hook import DINOHook, teacher_momentum, teacher_temperature
from mmssl_robust.models.algorithms import DINO
from mmssl_robust.models.backbones import DINOVisionTransformer
from mmssl_robust.utils.checkpoint import register_safe_loaders
from mmssl_robust.utils.errors import UserError

TINY = dict(img_size=16, patch_size=8, embed_dim=24, depth=2, num_heads=2)
PROTOTYPES = 32
EPOCHS = 8


class ColouredNoise(torch.utils.data.Dataset):
    """Every image is a colour; its views are noise of that colour."""

    def __len__(self):
        return 640

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        colour = torch.randn(3, 1, 1, generator=generator)
        return dict(inputs=[colour + 0.5 * torch.randn(3, s, s, generator=generator) for s in (16, 16, 8, 8)])


class Recorder(Hook):
    """Runs after DINOHook and keeps what the tests look at."""

    def __init__(self):
        self.losses, self.temperatures, self.last_layers = [], [], []

    def before_train(self, runner):
        self.last_layers.append(self._last_layer(runner))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append(outputs['loss'].item())

    def after_train_epoch(self, runner):
        self.temperatures.append(runner.model.teacher_temp)
        self.last_layers.append(self._last_layer(runner))

    @staticmethod
    def _last_layer(runner):
        return runner.model.student.head.last_layer.parametrizations.weight.original1.detach().clone()


def build_runner(work_dir, hooks, max_epochs=EPOCHS, model=None, **options):
    torch.manual_seed(0)
    model = model or DINO(
        backbone=dict(type='mmssl_robust.DINOVisionTransformer', arch=TINY),
        head=dict(type='mmssl_robust.DINOHead', in_dim=24, out_dim=PROTOTYPES, hidden_dim=48, bottleneck_dim=16),
    )
    return Runner(
        model=model,
        work_dir=str(work_dir),
        train_dataloader=dict(
            batch_size=32,
            num_workers=0,
            dataset=ColouredNoise(),
            sampler=dict(type='DefaultSampler', shuffle=True),
            collate_fn=dict(type='default_collate'),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=max_epochs),
        optim_wrapper=dict(
            type='OptimWrapper',
            optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.04),
            clip_grad=dict(max_norm=3.0),
        ),
        param_scheduler=[dict(type='LinearLR', start_factor=0.02, by_epoch=False, end=50)],
        custom_hooks=hooks,
        default_hooks=dict(logger=None),
        randomness=dict(seed=0),
        experiment_name=f'dino_{work_dir.name}',
        log_level='ERROR',
        **options,
    )


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """The runner, its recorder and its folder after a short training."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    work_dir = tmp_path_factory.mktemp('dino')
    recorder = Recorder()
    hook = DINOHook(0.99, teacher_temp=0.05, warmup_teacher_temp=0.04, warmup_epochs=3, freeze_last_layer_epochs=2)
    runner = build_runner(work_dir, [hook, recorder])
    runner.train()
    torch.set_num_threads(threads)
    return runner, recorder, work_dir


def test_loss_falls_without_collapse(trained):
    runner, recorder, _ = trained
    steps = len(recorder.losses) // EPOCHS
    first, last = (sum(part) / steps for part in (recorder.losses[:steps], recorder.losses[-steps:]))
    assert last < 0.7 * first
    model = runner.model
    batch = [torch.stack(view) for view in zip(*(ColouredNoise()[i]['inputs'][:2] for i in range(256)))]
    targets = model.criterion.targets(model.teacher(batch), 0.05)
    entropy = torch.special.entr(targets).sum(-1).mean()
    used = torch.special.entr(targets.mean((0, 1))).sum()
    assert 0.05 < entropy < used - 1  # an image tells more than 1 nat about its prototype
    assert 1 < used < math.log(PROTOTYPES)


def test_last_layer_is_frozen_in_the_first_epochs(trained):
    _, recorder, _ = trained
    start, first, second, third = recorder.last_layers[:4]
    assert torch.equal(start, first) and torch.equal(start, second)
    assert not torch.equal(start, third)


def test_teacher_temperature_warms_up(trained):
    _, recorder, _ = trained
    assert recorder.temperatures == pytest.approx([0.04, 0.045] + [0.05] * 6)


def test_checkpoint_gives_the_teachers_encoder(trained):
    runner, _, work_dir = trained
    checkpoint = work_dir / f'epoch_{EPOCHS}.pth'
    encoder = DINOVisionTransformer(TINY, init_cfg=dict(type='Pretrained', checkpoint=str(checkpoint))).eval()
    encoder.init_weights()
    inputs = torch.randn(2, 3, 16, 16)
    teacher = runner.model.teacher.backbone
    torch.testing.assert_close(encoder.state_dict(), teacher.state_dict(), rtol=0, atol=0)
    # PyTorch multiplies in another order where no gradient is wanted.
    torch.testing.assert_close(encoder(inputs)[0], teacher(inputs)[0])
    assert not torch.allclose(encoder(inputs)[0], runner.model.student.eval().backbone(inputs)[0])


def test_checkpoint_resumes_teacher_and_centre(trained):
    runner, _, work_dir = trained
    register_safe_loaders()
    resumed = build_runner(
        work_dir / 'resumed', [DINOHook()], load_from=str(work_dir / f'epoch_{EPOCHS}.pth'), resume=True
    )
    resumed.load_or_resume()
    torch.testing.assert_close(resumed.model.state_dict(), runner.model.state_dict(), rtol=0, atol=0)


def test_optimiser_is_given_back(trained):
    runner, _, _ = trained
    assert not runner.optim_wrapper.optimizer._optimizer_step_pre_hooks


def test_momentum_schedule():
    assert teacher_momentum(0, 100, 0.996) == pytest.approx(0.996)
    assert teacher_momentum(50, 100, 0.996) == pytest.approx(0.998)
    assert teacher_momentum(100, 100, 0.996) == 1
    values = [teacher_momentum(i, 100, 0.9) for i in range(101)]
    assert values == sorted(values)


def test_temperature_schedule():
    assert [teacher_temperature(e, 0.04, 0.07, 4) for e in range(6)] == pytest.approx(
        [0.04, 0.05, 0.06, 0.07, 0.07, 0.07]
    )
    assert teacher_temperature(0, 0.04, 0.07, 0) == 0.07
    assert [teacher_temperature(e, 0.04, 0.07, 1) for e in range(2)] == pytest.approx([0.04, 0.07])


def test_another_model():
    with pytest.raises(UserError, match='not Linear'):
        DINOHook().before_train(SimpleNamespace(model=nn.Linear(1, 1)))
