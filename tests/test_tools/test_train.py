"""Train, resume, export and test a head from the command line, on the embedded photographs."""

import importlib.util
import json
import shutil

import pytest
import torch
from mmengine.config import Config
from safetensors.torch import load_file
from toys import shrink, small_images

from mmssl_robust.utils.errors import UserError

QUICK = ['train_dataloader.batch_size=2', 'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False']


def options(*changes):
    return ['--cfg-options', *QUICK, *changes]


def weights(path):
    return torch.load(path, weights_only=False)['state_dict']


@pytest.mark.usefixtures('another_writer')
def test_two_trainings_do_not_write_to_one_folder(run_tool, config, work_dir, capsys):
    with pytest.raises(SystemExit):
        run_tool('train.py', config('segmentation/mini_camvid.py'), '--work-dir', work_dir, *options())
    assert f'{work_dir} is being written to by another process' in capsys.readouterr().err


def test_train_resume_export_and_test_a_head(run_tool, config, work_dir, tmp_path):
    camvid = small_images(config('segmentation/mini_camvid.py'), tmp_path)
    once = options('train_cfg.max_epochs=1', 'train_cfg.val_interval=9')
    run_tool('train.py', camvid, '--work-dir', work_dir, '--resume', *once)
    (log,) = work_dir.glob('*/*.log')
    assert f'no checkpoint in {work_dir} yet: training from the beginning' in log.read_text()
    first = weights(work_dir / 'epoch_1.pth')
    twice = options('train_cfg.max_epochs=2', 'train_cfg.val_interval=9')
    run_tool('train.py', camvid, '--work-dir', work_dir, '--resume', *twice)
    second = weights(work_dir / 'epoch_2.pth')
    changed = {key for key in first if not torch.equal(first[key], second[key])}
    assert 'decode_head.conv_seg.weight' in changed
    assert not any(key.startswith('backbone.') for key in changed), 'the encoder is frozen'

    head = tmp_path / 'head.safetensors'
    run_tool('model_converters/export_safetensors.py', work_dir / 'epoch_2.pth', head, '--part', 'head')
    torch.testing.assert_close(load_file(head)['decode_head.conv_seg.weight'], second['decode_head.conv_seg.weight'])

    reports = []
    for checkpoint in (work_dir / 'epoch_2.pth', head):
        out = tmp_path / f'{checkpoint.stem}.json'
        quick = ['--max-images', 2, '--attack', 'segpgd', '--steps', 2, '--work-dir', tmp_path / 'test', '--out', out]
        run_tool('test.py', camvid, checkpoint, *quick)
        reports.append(json.loads(out.read_text())['metrics'])
    assert reports[0] == reports[1], 'a head beside its encoder is the whole model'


@pytest.mark.parametrize(
    'arguments, words',
    [
        (['none.py'], 'config not found: none.py'),
        (['classification/mini_cifar10.py', '--amp'], '--amp needs a GPU'),
        (['classification/mini_cifar10.py', '--cfg-options', 'train_dataloader.dataset.data_root=nowhere'], 'nowhere'),
        (['classification/mini_cifar10.py', '--cfg-options', 'model.head.num_classes=7'], '10 classes, the model 7'),
    ],
)
def test_bad_input_ends_with_one_line(arguments, words, run_tool, config, work_dir, capfd):
    if '--amp' in arguments and torch.cuda.is_available():
        pytest.skip('this machine has a GPU')
    path = config(arguments[0]) if '/' in arguments[0] else arguments[0]
    with pytest.raises(SystemExit) as stop:
        run_tool('train.py', path, *arguments[1:], '--work-dir', work_dir)
    assert stop.value.code == 2
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1 and words in errors[0]
    assert not work_dir.exists() or not list(work_dir.glob('*.pth'))


def test_empty_data_set_is_named(run_tool, config, work_dir, tmp_path, capfd):
    (tmp_path / 'cifar10' / 'train').mkdir(parents=True)
    root = f'train_dataloader.dataset.data_root={tmp_path / "cifar10"}'
    with pytest.raises(SystemExit):
        run_tool('train.py', config('classification/mini_cifar10.py'), '--work-dir', work_dir, '--cfg-options', root)
    assert f'{tmp_path / "cifar10" / "train"} is empty' in capfd.readouterr().err


def test_class_folders_without_an_image(run_tool, config, work_dir, tmp_path, capfd):
    (tmp_path / 'cifar10' / 'train' / 'cat').mkdir(parents=True)
    root = f'train_dataloader.dataset.data_root={tmp_path / "cifar10"}'
    with pytest.raises(SystemExit):
        run_tool('train.py', config('classification/mini_cifar10.py'), '--work-dir', work_dir, '--cfg-options', root)
    assert f'the data set is empty: {tmp_path / "cifar10"}' in capfd.readouterr().err


def test_skipped_images_leave_the_batches_whole(run_tool, config, work_dir, tmp_path, data_root, capfd):
    shutil.copytree(data_root / 'cifar10' / 'train', tmp_path / 'cifar10' / 'train')
    broken = min((tmp_path / 'cifar10' / 'train' / 'cat').iterdir())
    broken.write_bytes(broken.read_bytes()[:-100])
    root = f'train_dataloader.dataset.data_root={tmp_path / "cifar10"}'
    changes = options('train_cfg.max_epochs=1', 'train_cfg.val_interval=9', 'train_dataloader.batch_size=30', root)
    arguments = ['train.py', config('classification/mini_cifar10.py'), '--work-dir', work_dir, *changes]
    with pytest.raises(SystemExit):
        run_tool(*arguments)
    assert f'error: cannot read {broken}' in capfd.readouterr().err
    run_tool(*arguments, '--on-corrupt', 'skip')
    assert (work_dir / 'epoch_1.pth').is_file()


def test_skipping_needs_a_loop_that_knows_it(functions):
    cfg = Config(dict(train_cfg=dict(type='mmssl_robust.SeededTrainLoop'), val_cfg=dict()))
    functions['set_on_corrupt'](cfg, 'skip')
    assert cfg.train_cfg.on_corrupt == 'skip' and cfg.val_cfg == {}
    cfg = Config(dict(train_cfg=dict(by_epoch=True), val_cfg=dict(type='mmssl_robust.AttackValLoop')))
    with pytest.raises(UserError, match='--on-corrupt needs a loop of this package'):
        functions['set_on_corrupt'](cfg, 'skip')


def test_backbone_of_another_library(run_tool, config, work_dir):
    """A ResNet of mmpretrain and one of timm in the encoder's place."""
    from mmengine.config import Config

    for backbone in (
        dict(_delete_=True, type='ResNet', depth=18),
        dict(_delete_=True, type='TIMMBackbone', model_name='resnet10t', features_only=True, out_indices=(4,)),
    ):
        cfg = Config.fromfile(config('classification/mini_cifar10.py'))
        shrink(cfg)
        cfg.merge_from_dict(dict(model=dict(backbone=backbone, neck=dict(type='GlobalAveragePooling'))))
        cfg.model.head.in_channels = 512
        path = work_dir.with_name('resnet.py')
        cfg.dump(path)
        checkpoint = work_dir / 'epoch_1.pth'
        quick = options('train_cfg.max_epochs=1', 'train_cfg.val_interval=9', 'train_dataloader.batch_size=30')
        run_tool('train.py', path, '--work-dir', work_dir, *quick)
        out = work_dir / 'report.json'
        attacks = ['--attack', 'pgd', 'embed', '--steps', 2, '--max-images', 4]
        run_tool('test.py', path, checkpoint, *attacks, '--work-dir', work_dir, '--out', out)
        assert json.loads(out.read_text())['attacks']['embed']['mean_loss'] > 0


@pytest.fixture
def functions():
    """What the command defines."""
    return vars(importlib.import_module('mmssl_robust.commands.train'))


@pytest.mark.parametrize(
    'precision, dtype, scale', [('bf16', 'bfloat16', dict(enabled=False)), ('fp16', 'float16', 'dynamic')]
)
def test_mixed_precision(functions, monkeypatch, precision, dtype, scale):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = Config(dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1), dtype='float16')))
    functions['use_amp'](cfg, precision)
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    assert (cfg.optim_wrapper.dtype, cfg.optim_wrapper.loss_scale) == (dtype, scale)


def test_learning_rate_scales_with_the_images_of_a_step(functions):
    """MMEngine multiplies by processes x batch / base: eight processes of 4 that accumulate 2 make a step of 64."""
    cfg = Config(dict(optim_wrapper=dict(accumulative_counts=2), auto_scale_lr=dict(base_batch_size=128)))
    functions['use_auto_scale_lr'](cfg, 'x.py')
    assert cfg.auto_scale_lr.enable and 8 * 4 / cfg.auto_scale_lr.base_batch_size == 64 / 128


def test_logs_to_mmengines_back_ends(functions, monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None if name == 'wandb' else name)
    cfg = Config({})
    functions['add_logs'](cfg, ['tensorboard', 'mlflow'])
    assert [backend.type for backend in cfg.visualizer.vis_backends] == [
        'LocalVisBackend',
        'TensorboardVisBackend',
        'MLflowVisBackend',
    ]
    with pytest.raises(UserError, match='--log-to wandb needs the package wandb'):
        functions['add_logs'](cfg, ['wandb'])
