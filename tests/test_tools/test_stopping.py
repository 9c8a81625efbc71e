"""Commands that are asked to stop by real signals end where nothing is lost, and go on as if they had not stopped."""

import signal

import forks
import pytest
from trainings import assert_same_training

from mmssl_robust.utils.checkpoint import read_checkpoint

TERM, USR1 = 128 + signal.SIGTERM, 128 + signal.SIGUSR1


def signals(**when):
    return dict(type='killers.SignalInEpoch', **when)


@pytest.mark.parametrize(
    'hook, accumulated, workers',
    [
        (signals(epoch=3, batch=1), 1, 1),
        (signals(epoch=3, batch=2, name='SIGUSR1'), 2, 0),
        (signals(epoch=1, batch=0), 1, 0),
    ],
    ids=['with a worker that persists', 'amid an accumulated step', 'in the first epoch'],
)
def test_a_training_goes_on_amid_its_epoch(hook, accumulated, workers, deacl_cfg, train, write_config, tmp_path, capfd):
    deacl_cfg.model.backbone.drop_path_rate = 0.3  # draws random numbers in each step
    deacl_cfg.train_dataloader.num_workers = workers
    deacl_cfg.train_dataloader.persistent_workers = bool(workers)
    deacl_cfg.optim_wrapper.accumulative_counts = accumulated
    if accumulated > 1:
        deacl_cfg.train_cfg.total_batch_size = 8
    expected = train(tmp_path / 'whole')
    stopped = tmp_path / 'stopped'
    code = USR1 if 'name' in hook else TERM
    assert forks.tool_apart('train.py', write_config(hook), '--work-dir', stopped) == code
    left = stopped / f'stopped_in_epoch_{hook["epoch"]}.pth'
    said = capfd.readouterr().err.splitlines()
    name = hook.get('name', 'SIGTERM')
    assert said == [
        f'{name}: stopping where nothing is lost; a second signal ends at once',
        f'stopped by {name}: {left} has all that was done; the same command with --resume goes on',
    ]
    done = read_checkpoint(left)['meta']['iter'] - (hook['epoch'] - 1) * 3 * accumulated
    assert done == -(-(hook['batch'] + 1) // accumulated) * accumulated
    assert_same_training(train(stopped, '--resume'), expected)
    assert not left.exists(), 'the epoch has a checkpoint of its own'


def test_two_signals_end_at_once(write_config, tmp_path):
    hooks = [signals(epoch=2), signals(epoch=2, name='SIGUSR1')]
    assert forks.tool_apart('train.py', write_config(*hooks), '--work-dir', tmp_path) == -signal.SIGUSR1
    assert sorted(path.name for path in tmp_path.glob('*.pth')) == ['epoch_1.pth']
