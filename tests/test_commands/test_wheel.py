"""What the first page promises, from a built wheel in a fresh environment outside the repository: `make test-wheel`."""

import os
import subprocess

import pytest
from own_data import SOURCES, TASKS

FEW = ('--max-images', '2', '--steps', '2', '--size', '56')


@pytest.mark.slow
@pytest.mark.parametrize('task', TASKS)
@pytest.mark.parametrize('source', SOURCES)
def test_one_command(source, task, command, own_folder):
    environment = {key: value for key, value in os.environ.items() if key not in ('PYTHONPATH', 'DATA_ROOT')}
    arguments = [command, 'evaluate', SOURCES[source], *TASKS[task], *FEW]
    done = subprocess.run(arguments, cwd=own_folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    page = own_folder / done.stdout.splitlines()[-1].removeprefix('Report: ')
    assert page.is_file() and page.parent.parent.parent == own_folder / 'work_dirs' / 'evaluate'
    print(f'$ mmssl-robust {" ".join(arguments[1:])}\n{done.stdout}{done.stderr}')
    assert done.stderr == ''
