"""Processes find each other without a GPU, whoever started them.

The file is its own worker: ``python test_launch.py LAUNCHER``.
"""

import os
import socket
import subprocess
import sys

import pytest
import torch
from torch import distributed

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.launch import check_launcher, join_by_gloo

VARIABLES = {
    'pytorch': dict(RANK='{rank}', WORLD_SIZE='2', LOCAL_RANK='{rank}', MASTER_ADDR='127.0.0.1'),
    'slurm': dict(SLURM_PROCID='{rank}', SLURM_NTASKS='2', SLURM_LOCALID='{rank}', SLURM_NODELIST='localhost'),
    'mpi': dict(
        OMPI_COMM_WORLD_RANK='{rank}',
        OMPI_COMM_WORLD_SIZE='2',
        OMPI_COMM_WORLD_LOCAL_RANK='{rank}',
        OMPI_COMM_WORLD_LOCAL_SIZE='2',
    ),
}
NAMES = {name for variables in VARIABLES.values() for name in variables} | {'SLURM_JOB_NODELIST', 'MASTER_PORT'}


def environment(launcher, rank, port):
    inherited = {name: value for name, value in os.environ.items() if name not in NAMES}
    own = {name: value.format(rank=rank) for name, value in VARIABLES[launcher].items()}
    return inherited | own | dict(MASTER_PORT=str(port), OMP_NUM_THREADS='1')


@pytest.fixture
def free_port():
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return found.getsockname()[1]


@pytest.mark.parametrize('launcher', VARIABLES)
def test_two_processes_meet(launcher, free_port):
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, launcher],
            env=environment(launcher, rank, free_port),
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    outputs = [worker.communicate(timeout=120)[0].split()[-3:] for worker in workers]
    assert outputs == [['0', '2', '3.0'], ['1', '2', '3.0']]


@pytest.mark.parametrize('launcher', VARIABLES)
def test_a_launcher_that_did_not_start_this_process(launcher, monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    check_launcher('none')
    first = next(iter(VARIABLES[launcher]))
    with pytest.raises(UserError, match=f'--launcher {launcher}, but {first} and .* not set: start the processes by'):
        join_by_gloo(launcher)


@pytest.mark.parametrize(
    'launcher, change',
    [('slurm', dict(SLURM_NODELIST='n[1-2]')), ('mpi', dict(OMPI_COMM_WORLD_LOCAL_SIZE='1'))],
)
def test_several_hosts_need_a_place_to_meet(launcher, change, monkeypatch, tmp_path):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in (environment(launcher, 0, 1) | change | dict(PATH=str(tmp_path))).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match='set MASTER_ADDR'):
        join_by_gloo(launcher)


if __name__ == '__main__':
    join_by_gloo(sys.argv[1], 60)
    total = torch.tensor(distributed.get_rank() + 1.0)
    distributed.all_reduce(total)
    print(os.environ['LOCAL_RANK'], distributed.get_world_size(), float(total))
    distributed.destroy_process_group()
