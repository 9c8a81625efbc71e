"""One process writes to a folder at a time."""

import fcntl
import os
import subprocess
import sys

import pytest

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.sole_writer import LOCK_FILE, sole_writer

HOLDER = """
import sys, fcntl
file = open(sys.argv[1], 'a+')
fcntl.lockf(file, fcntl.LOCK_EX)
file.write('process 7 on elsewhere')
file.flush()
print('locked', flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    process = subprocess.Popen(
        [sys.executable, '-c', HOLDER, tmp_path / LOCK_FILE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    yield tmp_path, process
    process.kill()
    process.wait()


def test_a_second_writer_is_refused_until_the_first_is_killed(held):
    folder, process = held
    with pytest.raises(UserError, match='written to by process 7 on elsewhere: wait'), sole_writer(folder):
        pass
    process.kill()
    process.wait()
    with sole_writer(folder):
        assert (folder / LOCK_FILE).read_text().startswith(f'process {os.getpid()} on ')


def test_where_there_are_no_locks_nobody_is_refused(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(38, 'Function not implemented')

    monkeypatch.setattr(fcntl, 'lockf', no_locks)
    with sole_writer(tmp_path / 'new'):
        pass
    (tmp_path / 'file').touch()
    with sole_writer(tmp_path / 'file'):  # the write that follows says what is wrong
        pass


def test_a_second_writer_of_the_same_process_leaves_the_first_alone(tmp_path):
    """Locks are a process's: a second one would have succeeded, and its end would have let others in."""
    with sole_writer(tmp_path):
        with pytest.raises(UserError, match='another call in this process: wait'), sole_writer(tmp_path / '.'):
            pass
        command = [sys.executable, '-c', HOLDER.replace('LOCK_EX', 'LOCK_EX | fcntl.LOCK_NB'), tmp_path / LOCK_FILE]
        assert b'BlockingIOError' in subprocess.run(command, capture_output=True).stderr
    with sole_writer(tmp_path):
        pass
