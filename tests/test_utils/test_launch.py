"""Processes find each other without a GPU, whoever started them."""

import os

import forks
import pytest
import torch
from torch import distributed

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.launch import check_launcher, join_by_gloo
from mmssl_robust.utils.shared_arguments import started_by

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
NAMES = {name for variables in VARIABLES.values() for name in variables} | {
    'SLURM_JOB_NODELIST',
    'MASTER_PORT',
    'TORCHELASTIC_RUN_ID',
}


def environment(launcher, rank, port):
    own = {name: value.format(rank=rank) for name, value in VARIABLES[launcher].items()}
    return own | dict(MASTER_PORT=str(port))


@pytest.fixture
def not_started(monkeypatch):
    """No launcher has started this process."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def meet(launcher, folder):
    join_by_gloo(launcher, 60)
    total = torch.tensor(distributed.get_rank() + 1.0)
    distributed.all_reduce(total)
    found = f'{distributed.get_rank()} {distributed.get_world_size()} {float(total)}'
    (folder / os.environ['LOCAL_RANK']).write_text(found)
    distributed.destroy_process_group()


@pytest.mark.parametrize('launcher', VARIABLES)
def test_two_processes_meet(launcher, not_started, tmp_path):
    port = forks.free_port()
    environments = [environment(launcher, rank, port) for rank in (0, 1)]
    assert forks.together(meet, launcher, tmp_path, environments=environments) == [0, 0]
    assert [(tmp_path / rank).read_text() for rank in '01'] == ['0 2 3.0', '1 2 3.0']


@pytest.mark.parametrize('launcher', VARIABLES)
def test_a_launcher_that_did_not_start_this_process(launcher, not_started):
    check_launcher('none')
    first = next(iter(VARIABLES[launcher]))
    with pytest.raises(UserError, match=f'--launcher {launcher}, but {first} and .* not set: start the processes by'):
        join_by_gloo(launcher)


@pytest.mark.parametrize(
    'launcher, change',
    [('slurm', dict(SLURM_NODELIST='n[1-2]')), ('mpi', dict(OMPI_COMM_WORLD_LOCAL_SIZE='1'))],
)
def test_several_hosts_need_a_place_to_meet(launcher, change, not_started, monkeypatch, tmp_path):
    for name, value in (environment(launcher, 0, 1) | change | dict(PATH=str(tmp_path))).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match='set MASTER_ADDR'):
        join_by_gloo(launcher)
    assert not {'RANK', 'WORLD_SIZE', 'LOCAL_RANK'} & os.environ.keys()


def test_torchrun_is_noticed(not_started, monkeypatch):
    """A command that did not know of the others would do all of it, in each of them."""
    assert started_by() == 'none'
    monkeypatch.setenv('TORCHELASTIC_RUN_ID', 'none')
    assert started_by() == 'pytorch'
