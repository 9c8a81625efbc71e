"""A DeACL training that was killed ends as if it had not been, bit by bit."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import forks
import pytest
import torch
from mmengine.config import Config
from safetensors.torch import save_file
from trainings import assert_same_training

from mmssl_robust.commands.train import check_resumed
from mmssl_robust.utils.checkpoint import read_checkpoint
from mmssl_robust.utils.file_backend import WholeFileBackend
from mmssl_robust.utils.resume import newest_checkpoint
from mmssl_robust.utils.sole_writer import LOCK_FILE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def launch(write_config):
    """Train in two processes that the script has started; returns its exit code."""

    def run(work_dir, *arguments, hooks=()):
        environment = os.environ | dict(
            PYTHONPATH=f'{ROOT}:{ROOT / "tests"}',
            PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
            OMP_NUM_THREADS='1',
            PORT=str(forks.free_port()),
        )
        command = ['bash', ROOT / 'tools/dist_train.sh', write_config(*hooks), '2', '--work-dir', work_dir, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        print(done.stdout[-3000:], done.stderr[-3000:])  # for pytest to show if the test fails
        return done.returncode

    return run


@pytest.mark.parametrize(
    'hook, accumulated, workers',
    [
        (dict(type='killers.KillInEpoch', epoch=3), 1, 1),
        (dict(type='killers.KillInEpoch', epoch=3), 2, 0),
        (dict(type='killers.KillInCheckpoint', epoch=3), 1, 0),
    ],
    ids=['with a worker that persists', 'with accumulation', 'while a checkpoint is written'],
)
def test_one_process(hook, accumulated, workers, deacl_cfg, train, write_config, tmp_path):
    deacl_cfg.train_dataloader.num_workers = workers
    deacl_cfg.train_dataloader.persistent_workers = bool(workers)
    deacl_cfg.optim_wrapper.accumulative_counts = accumulated
    if accumulated > 1:
        deacl_cfg.train_cfg.total_batch_size = 16
        deacl_cfg.train_cfg.images_per_epoch = 28  # the last batch of four would be a part of a step
    expected = train(tmp_path / 'whole')
    killed = tmp_path / 'killed'
    assert forks.tool_apart('train.py', write_config(hook), '--work-dir', killed) == -signal.SIGKILL
    assert sorted(path.name for path in killed.glob('epoch_*')) == ['epoch_1.pth', 'epoch_2.pth']
    partial = list(killed.glob('.*.partial'))
    assert len(partial) == ('Checkpoint' in hook['type'])
    assert_same_training(train(killed, '--resume'), expected)
    assert not list(killed.glob('.*.partial'))


def test_two_processes(deacl_cfg, train, write_config, tmp_path, capsys):
    """They agree with one, and go on after one of them was killed; each step is accumulated from two batches."""
    deacl_cfg.optim_wrapper.accumulative_counts = 2
    alone = train(tmp_path / 'alone')
    assert forks.tool_together('train.py', write_config(), '--work-dir', tmp_path / 'whole') == [0, 0]
    expected = read_checkpoint(tmp_path / 'whole' / 'epoch_4.pth')
    differences = [
        (alone['state_dict'][key] - value).abs().max().item() for key, value in expected['state_dict'].items()
    ]
    moved = [
        (alone['state_dict'][f'backbone.vit.{key}'] - value).abs().max().item()
        for key, value in read_checkpoint(tmp_path / 'teacher.safetensors').items()
    ]
    with capsys.disabled():
        print(f'\n2 processes against 1 after 12 steps: {max(differences):.1e}; the training moved {max(moved):.1e}')
    assert max(moved) > 1e-3 and max(differences) < 1e-5

    killed = tmp_path / 'killed'
    kill = dict(type='killers.KillInEpoch', epoch=3, ranks=2)
    assert -signal.SIGKILL in forks.tool_together('train.py', write_config(kill), '--work-dir', killed)
    assert not (killed / 'epoch_3.pth').exists()
    assert forks.tool_together('train.py', write_config(), '--work-dir', killed, '--resume') == [0, 0]
    assert_same_training(read_checkpoint(killed / 'epoch_4.pth'), expected)


@pytest.mark.slow
def test_two_processes_of_the_script(launch, tmp_path):
    """What torchrun itself does when one of its processes is killed; what it is told, test_launchers.py knows."""
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    assert launch(whole) == 0
    assert launch(killed, hooks=[dict(type='killers.KillInEpoch', epoch=3, ranks=2)]) != 0
    assert not (killed / 'epoch_3.pth').exists()
    assert launch(killed, '--resume') == 0
    assert_same_training(*(read_checkpoint(folder / 'epoch_4.pth') for folder in (killed, whole)))


def test_torn_checkpoint_is_left_out(train, tmp_path):
    expected = train(tmp_path / 'whole')
    torn = tmp_path / 'torn'
    train(torn, epochs=2)
    content = (torn / 'epoch_2.pth').read_bytes()
    (torn / 'epoch_2.pth').write_bytes(content[: len(content) // 2])
    assert_same_training(train(torn, '--resume'), expected)
    log = max(torn.glob('*/*.log')).read_text()
    assert f'{torn}/epoch_2.pth is damaged and left out: continuing from {torn}/epoch_1.pth' in log


def test_full_disk(train, tmp_path, monkeypatch, capfd):
    """A limit on the size of files stands in for the disk's end: the write stops in the middle."""
    put = WholeFileBackend.put
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limited(self, content, path):
        if 'epoch_2' in str(path):
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) // 2, hard))
        try:
            put(self, content, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    monkeypatch.setattr(WholeFileBackend, 'put', limited)
    with pytest.raises(SystemExit):
        train(tmp_path / 'full')
    assert 'epoch_2.pth: File too large; nothing that was there has changed' in capfd.readouterr().err
    assert [path.name for path in (tmp_path / 'full').glob('*.pth')] == ['epoch_1.pth']
    assert [path.name for path in (tmp_path / 'full').glob('.*')] == [LOCK_FILE]
    read_checkpoint(tmp_path / 'full' / 'epoch_1.pth')


def test_another_config_is_not_resumed(train, tmp_path, capfd):
    train(tmp_path / 'run', epochs=1)
    before = (tmp_path / 'run' / 'epoch_1.pth').read_bytes()
    with pytest.raises(SystemExit):
        train(tmp_path / 'run', '--resume', '--cfg-options', 'model.gamma=1.0', 'optim_wrapper.optimizer.lr=0.1')
    error = capfd.readouterr().err.splitlines()[-1]
    assert 'epoch_1.pth belongs to another training (model.gamma was 2.0, is 1.0, optim_wrapper.optimizer.lr' in error
    assert (tmp_path / 'run' / 'epoch_1.pth').read_bytes() == before


def test_another_teacher_is_not_resumed(train, tmp_path, capfd):
    train(tmp_path / 'run', epochs=1)
    weights = {key: value + 1e-3 for key, value in read_checkpoint(tmp_path / 'teacher.safetensors').items()}
    save_file(weights, tmp_path / 'teacher.safetensors')
    with pytest.raises(SystemExit):
        train(tmp_path / 'run', '--resume')
    assert 'belongs to another training (teacher was ' in capfd.readouterr().err


@pytest.mark.parametrize('ours', [True, False], ids=['our hooks', "MMEngine's hooks"])
def test_files_of_others_are_not_removed(ours, deacl_cfg, train, tmp_path):
    """A checkpoint names files that MMEngine removes when it has newer ones."""
    if not ours:
        deacl_cfg.default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2))
    train(tmp_path / 'run', epochs=1)
    precious = tmp_path / 'precious.pth'
    precious.write_bytes(b'of another training')
    checkpoint = torch.load(tmp_path / 'run' / 'epoch_1.pth', weights_only=False)
    checkpoint['message_hub']['runtime_info'] |= dict(best_ckpt=str(precious), best_score=-1.0, keep_ckpt_ids=['../x'])
    torch.save(checkpoint, tmp_path / 'run' / 'epoch_1.pth')
    resumed = train(tmp_path / 'run', '--resume')
    assert precious.is_file()
    assert 'best_ckpt' not in resumed['message_hub']['runtime_info']


def test_newest_checkpoint(tmp_path):
    for epoch in (1, 2, 9):
        torch.save(dict(epoch=epoch), tmp_path / f'epoch_{epoch}.pth')
    (tmp_path / 'best_x_epoch_10.pth').write_bytes(b'')
    assert newest_checkpoint(tmp_path) == (tmp_path / 'epoch_9.pth', [])
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/epoch_2.pth')
    assert newest_checkpoint(tmp_path) == (tmp_path / 'epoch_2.pth', []), 'epoch 9 is of a training before'
    content = bytearray((tmp_path / 'epoch_2.pth').read_bytes())
    for place in range(0, len(content), 7):
        rotten = content.copy()
        rotten[place] ^= 0x55
        (tmp_path / 'epoch_2.pth').write_bytes(rotten)
        assert newest_checkpoint(tmp_path)[0] in (tmp_path / 'epoch_1.pth', tmp_path / 'epoch_2.pth')


def test_a_given_checkpoint_that_is_damaged(train, tmp_path, capfd):
    (tmp_path / 'torn.pth').write_bytes(b'torn')
    with pytest.raises(SystemExit):
        train(tmp_path / 'run', '--resume', tmp_path / 'torn.pth')
    assert f'the checkpoint {tmp_path}/torn.pth is damaged: start again' in capfd.readouterr().err


def test_a_config_may_say_that_it_has_no_hooks():
    cfg = Config(dict(default_hooks=None, custom_hooks=None))
    check_resumed(cfg)
    assert [hook.type for hook in cfg.custom_hooks] == ['mmssl_robust.ResumeHook']
