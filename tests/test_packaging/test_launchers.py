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
        'scontrol': 'printf "node-a\\nnode-b\\n"',
        # Runs what follows the options, as the second of two nodes.
        'srun': 'while [[ $1 != bash ]]; do shift; done\n'
        'SLURM_NNODES=2 SLURM_NODEID=1 SLURM_JOB_NODELIST="node-[a-b]" exec "$@"',
    }
    for name, body in stand_ins.items():
        (tmp_path / name).write_text(f'#!/usr/bin/env bash\n{body}\n')
        (tmp_path / name).chmod(0o755)

    def call(script: str, *arguments: str, **environment: str) -> list[str]:
        env = (
            {key: value for key, value in os.environ.items() if key != 'PORT'}
            | {'PATH': f'{tmp_path}:{os.environ["PATH"]}'}
            | environment
        )
        done = subprocess.run([TOOLS / script, *arguments], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
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


def test_dist_benchmark(run):
    words = run('dist_benchmark.sh', 'paper', '8', '--filter', '*nyu*', PORT='1234')
    assert words[:10] == rendezvous('1', '0', '8', '127.0.0.1', '1234')
    assert words[10:] == [f'{TOOLS}/benchmark.py', 'paper', '--launcher', 'pytorch', '--filter', '*nyu*']


TASKS = [('train', ['c.py']), ('test', ['c.py', 'c.pth']), ('benchmark', ['paper'])]


@pytest.mark.parametrize('task, positional', TASKS)
def test_slurm_meets_at_the_first_node(run, task, positional):
    environment = dict(GPUS_PER_NODE='2', NNODES='2', SLURM_JOB_ID='41007')
    words = run(f'slurm_{task}.sh', 'gpus', 'job', *positional, '--resume', **environment)
    assert words[:10] == rendezvous('2', '1', '2', 'node-a', '21007')  # no two jobs meet at one port
    assert words[10:] == [f'{TOOLS}/{task}.py', *positional, '--launcher', 'pytorch', '--resume']


@pytest.mark.parametrize('script', [f'{launcher}_{task}.sh' for launcher in ('dist', 'slurm') for task, _ in TASKS])
def test_too_few_arguments(script):
    done = subprocess.run([TOOLS / script, 'c.py'], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ')
