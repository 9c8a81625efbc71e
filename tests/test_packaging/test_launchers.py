"""What the shell scripts make of their arguments, by stand-ins for torchrun and Slurm that print theirs."""

import os
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture
def run(tmp_path):
    """Run a script; returns the words that torchrun got."""
    stand_ins = {
        'torchrun': 'printf "%s\\n" "$@"',
        'python': 'printf "%s\\n" "$@" "$MASTER_PORT"',
        'scontrol': 'echo scontrol "$@" >> "$LOG"',
        # Notes its options and runs what follows them; is told by the file what to end with.
        'srun': 'while [[ $1 != bash ]]; do echo "$1" >> "$LOG"; shift; done\n'
        'if [[ -s $CODES ]]; then code=$(head -n 1 "$CODES"); sed -i 1d "$CODES"; fi\n'
        '"$@"; exit ${code:-0}',
    }
    for name, body in stand_ins.items():
        (tmp_path / name).write_text(f'#!/usr/bin/env bash\n{body}\n')
        (tmp_path / name).chmod(0o755)

    def call(script: str, *arguments: str, ends: int = 0, **environment: str) -> list[str]:
        env = (
            {key: value for key, value in os.environ.items() if key != 'PORT'}
            | {'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'LOG': tmp_path / 'log', 'CODES': tmp_path / 'codes'}
            | environment
        )
        done = subprocess.run([TOOLS / script, *arguments], env=env, capture_output=True, text=True)
        assert done.returncode == ends, done.stderr
        return done.stdout.splitlines()

    return call


def rendezvous(nnodes: str, rank: str, processes: str, address: str, port: str) -> list[str]:
    return (
        f'--nnodes {nnodes} --node_rank {rank} --master_addr {address} --master_port {port} '
        f'--nproc_per_node {processes}'
    ).split()


def test_dist_train(run):
    words = run('dist_train.sh', 'a b.py', '4', '--cfg-options', 'x=1 2')
    assert words[:3] == ['--standalone', '--nproc_per_node', '4']
    assert words[3:] == [f'{TOOLS}/train.py', 'a b.py', '--launcher', 'pytorch', '--cfg-options', 'x=1 2']


def test_dist_test_on_several_machines(run):
    environment = dict(NNODES='3', NODE_RANK='2', MASTER_ADDR='10.0.0.1', PORT='1234')
    words = run('dist_test.sh', 'c.py', 'c.pth', '8', '--attack', 'pgd', **environment)
    assert words[:10] == rendezvous('3', '2', '8', '10.0.0.1', '1234')
    assert words[10:] == [f'{TOOLS}/test.py', 'c.py', 'c.pth', '--launcher', 'pytorch', '--attack', 'pgd']


def test_an_empty_checkpoint_is_none(run):
    words = run('dist_test.sh', 'c.py', '', '2', '--steps', '1')
    assert words[3:] == [f'{TOOLS}/test.py', 'c.py', '--launcher', 'pytorch', '--steps', '1']
    words = run('slurm_test.sh', 'gpus', 'job', 'c.py', '', '--steps', '1', PORT='1234')
    assert words == ['-u', f'{TOOLS}/test.py', 'c.py', '--steps', '1', '--launcher', 'slurm', '1234']


def test_dist_benchmark(run):
    words = run('dist_benchmark.sh', 'paper', '8', '--filter', '*nyu*', PORT='1234')
    assert words[:10] == rendezvous('1', '0', '8', '127.0.0.1', '1234')
    assert words[10:] == [f'{TOOLS}/benchmark.py', 'paper', '--launcher', 'pytorch', '--filter', '*nyu*']


TASKS = [('train', ['c.py']), ('test', ['c.py', 'c.pth']), ('benchmark', ['paper'])]


@pytest.mark.parametrize('task, positional', TASKS)
def test_slurm_starts_a_process_for_each_gpu(run, task, positional, tmp_path):
    environment = dict(GPUS_PER_NODE='2', NNODES='2', SLURM_JOB_ID='41007', SRUN_ARGS='--time 1:00:00')
    words = run(f'slurm_{task}.sh', 'gpus', 'a job', *positional, '--seed', '1 2', **environment)
    expected = [f'{TOOLS}/{task}.py', *positional, '--seed', '1 2', '--launcher', 'slurm']
    assert words == ['-u', *expected, '21007'], 'no two jobs meet at one port'
    options = (tmp_path / 'log').read_text().splitlines()
    shown = [
        '--partition',
        'gpus',
        '--nodes',
        '2',
        '--ntasks-per-node',
        '2',
        '--gres',
        'gpu:2',
        '--signal',
        'USR1@120',
        '--time',
        '1:00:00',
    ]
    assert set(shown) <= set(options) and 'a job' in options


@pytest.mark.parametrize('task, positional', TASKS)
def test_slurm_puts_a_batch_job_back_whose_time_is_up(run, task, positional, tmp_path):
    (tmp_path / 'codes').write_text('138\n')
    environment = dict(SLURM_JOB_ID='41007')
    run(f'slurm_{task}.sh', 'gpus', 'job', *positional, ends=138, **environment)
    requeued = 'scontrol requeue 41007' in (tmp_path / 'log').read_text()
    assert requeued == (task != 'test'), 'of which nothing is kept'
    words = run(f'slurm_{task}.sh', 'gpus', 'job', *positional, SLURM_RESTART_COUNT='1', **environment)
    assert ('--resume' in words) == (task == 'train')


def test_slurm_asks_for_another_allocation_where_there_is_no_batch_job(run, tmp_path):
    (tmp_path / 'codes').write_text('138\n138\n0\n')
    words = run('slurm_train.sh', 'gpus', 'job', 'c.py')
    assert words.count('--launcher') == 3 and words.count('--resume') == 3  # none, one, two


@pytest.mark.parametrize('code', [1, 2, 137, 143])
def test_slurm_starts_nothing_again_that_failed_or_was_cancelled(run, code, tmp_path):
    (tmp_path / 'codes').write_text(f'{code}\n0\n')
    for environment in (dict(), dict(SLURM_JOB_ID='1')):
        words = run('slurm_train.sh', 'gpus', 'job', 'c.py', ends=code, **environment)
        assert words.count('--launcher') == 1 and 'scontrol' not in (tmp_path / 'log').read_text()
        (tmp_path / 'codes').write_text(f'{code}\n0\n')


@pytest.mark.parametrize('script', [f'{launcher}_{task}.sh' for launcher in ('dist', 'slurm') for task, _ in TASKS])
def test_too_few_arguments(script):
    done = subprocess.run([TOOLS / script, 'c.py'], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ')
