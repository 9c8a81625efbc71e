"""Joining the processes that a launcher has started, also on a host without a GPU."""

import os
import shutil
import socket
import subprocess
from datetime import timedelta

import torch
from mmengine.dist import init_dist
from torch import distributed

from .errors import UserError

PATIENCE = 6 * 3600
"""Seconds for which processes of an evaluation wait for one that still attacks; one that dies ends them all at once."""
# What each calls a process's rank, their number, and its rank on its host.
_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
}
_START = dict(pytorch='torchrun', slurm='srun', mpi="Open MPI's mpirun")
_PORT = '29500'  # PyTorch's own


def check_launcher(launcher: str) -> None:
    """Check that a launcher did start this process.

    Args:
        launcher: One of :data:`~mmssl_robust.utils.choices.LAUNCHERS`.

    Raises:
        UserError: If its variables are missing, or cannot be meant.
    """
    missing = [name for name in _VARIABLES.get(launcher, ()) if name not in os.environ]
    if missing:
        raise UserError(
            f'--launcher {launcher}, but {" and ".join(missing)} are not set: start the processes by '
            f'{_START[launcher]}, or leave --launcher out'
        )
    if launcher != 'none':
        rank, number, own = (os.environ[name] for name in _VARIABLES[launcher])
        if not all(value.isdecimal() for value in (rank, number, own)) or not int(rank) < int(number):
            names = ', '.join(f'{name}={os.environ[name]}' for name in _VARIABLES[launcher])
            raise UserError(f'--launcher {launcher}, but {names}: these are no rank among so many processes')
    if launcher == 'pytorch':
        _check_meeting()


def _check_meeting() -> None:
    """Check where the processes meet; PyTorch would look for it for minutes."""
    host, port = (os.environ.get(name, '') for name in ('MASTER_ADDR', 'MASTER_PORT'))
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UserError(
            f'MASTER_ADDR={host} and MASTER_PORT={port} are no place where processes meet: start them by torchrun, or '
            'set both'
        )
    try:
        socket.getaddrinfo(host, int(port))
    except OSError as error:
        raise UserError(f'MASTER_ADDR={host} cannot be found ({error.strerror}): give the first host') from error


def join_by_gloo(launcher: str, seconds: float | None = None) -> None:
    """Join the other processes where there is no GPU, which MMEngine takes for granted.

    Args:
        launcher: Of :data:`~mmssl_robust.utils.choices.LAUNCHERS`, not ``'none'``.
        seconds: How long to wait for another process; None for PyTorch's time.

    Raises:
        UserError: If it is not known where to meet.
    """
    check_launcher(launcher)
    told = {name: os.environ[own] for name, own in zip(_VARIABLES['pytorch'], _VARIABLES[launcher])}
    if launcher != 'pytorch':
        told['MASTER_PORT'] = os.environ.get('MASTER_PORT', _PORT)
        told['MASTER_ADDR'] = os.environ.get('MASTER_ADDR') or _first_host(launcher)
    os.environ.update(told)  # once nothing is refused any more: whoever goes on is not one of several
    distributed.init_process_group('gloo', timeout=timedelta(seconds=seconds) if seconds else None)


def init_processes(launcher: str) -> str:
    """Join the other processes, where the launcher started several, without a Runner.

    Args:
        launcher: One of :data:`~mmssl_robust.utils.choices.LAUNCHERS`.

    Returns:
        The device of this process.

    Raises:
        UserError: If the launcher did not start this process.
    """
    gpu = torch.cuda.is_available()
    if launcher == 'none':
        return 'cuda' if gpu else 'cpu'
    if not gpu:
        join_by_gloo(launcher, PATIENCE)
        return 'cpu'
    check_launcher(launcher)
    init_dist(launcher, backend='nccl', timeout=PATIENCE)
    return f'cuda:{torch.cuda.current_device()}'


def leave_process_group() -> None:
    """Wait for the other processes, then part: gloo aborts one that ends while another still talks to it."""
    if distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


def _first_host(launcher: str) -> str:
    hosts = os.environ.get('SLURM_JOB_NODELIST') or os.environ.get('SLURM_NODELIST', '')
    if launcher == 'slurm' and shutil.which('scontrol') and hosts:
        listed = subprocess.run(['scontrol', 'show', 'hostnames', hosts], capture_output=True, text=True)
        if listed.returncode == 0 and listed.stdout.strip():
            return listed.stdout.split()[0]
    if launcher == 'slurm' and hosts and not set(hosts) & set('[,'):
        return hosts
    if launcher == 'mpi' and os.environ.get('OMPI_COMM_WORLD_LOCAL_SIZE') == os.environ[_VARIABLES['mpi'][1]]:
        return '127.0.0.1'
    raise UserError('where the processes meet is not known: set MASTER_ADDR to the name of the first host')
