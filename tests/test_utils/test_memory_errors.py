"""Too little memory is one line."""

import errno
import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.memory_errors import address_space, check_address_space, memory_problem
from mmssl_robust.utils.terminal import one_line_errors


def too_large_tensor():
    torch.empty(2**60, dtype=torch.uint8)


def too_large_array():
    np.empty(2**60, np.uint8)


def no_process():
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def hidden():
    try:
        too_large_array()
    except MemoryError as error:
        raise RuntimeError('a library says something else') from error


@pytest.mark.parametrize('make', [too_large_tensor, too_large_array, no_process, hidden])
def test_what_could_not_be_given_is_one_line(make, capsys):
    with pytest.raises(SystemExit) as end:
        one_line_errors(make)()
    (line,) = capsys.readouterr().err.splitlines()
    assert end.value.code == 2 and line.startswith('error: out of memory (') and 'smaller batches' in line


class Killed(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_the_system_has_killed_is_told_of(capsys):
    with pytest.raises(SystemExit):
        one_line_errors(lambda: next(iter(DataLoader(Killed(), num_workers=1))))()
    (line,) = capsys.readouterr().err.splitlines()
    assert 'is killed by signal: Killed, as the system does where memory is full: take fewer workers' in line


def test_full_shared_memory():
    error = RuntimeError('DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that ...')
    assert memory_problem(error).startswith('shared memory is full: take fewer workers')


@pytest.mark.parametrize('error', [ValueError('x'), KeyError('memory'), OSError(errno.ENOSPC, 'No space left')])
def test_other_errors_stay_what_they_are(error):
    assert memory_problem(error) is None


def test_room_for_the_libraries(monkeypatch):
    check_address_space()
    monkeypatch.setattr(resource, 'getrlimit', lambda _: (3 * 2**30, 3 * 2**30))
    assert address_space() == 3 * 2**30
    with pytest.raises(UserError, match='allows 3.0 GiB of virtual memory, and the libraries alone map about'):
        check_address_space()


def test_a_limit_under_which_libraries_crash_is_told_of():
    command = f'ulimit -v {3 * 2**20} && {sys.executable} tools/test.py x.py'
    done = subprocess.run(['bash', '-c', command], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith('error: `ulimit -v` allows 3.0 GiB')
