"""The package as a user has it: from a built wheel, outside the repository, with data of their own."""

import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from own_data import write_data, write_encoders

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCE = shutil.ignore_patterns('.*', '__pycache__', 'build', 'dist', '*.egg-info', 'work_dirs', 'data')


@pytest.fixture(scope='session')
def command(tmp_path_factory):
    """The console script of a fresh environment, which sees this one's libraries but not this checkout."""
    folder = tmp_path_factory.mktemp('installed')
    tree = shutil.copytree(ROOT, folder / 'tree', ignore=NOT_SOURCE)
    build = 'from setuptools.build_meta import *; print(build_wheel("dist"))'
    done = subprocess.run([sys.executable, '-c', build], cwd=tree, check=True, capture_output=True, text=True)
    wheel = tree / 'dist' / done.stdout.splitlines()[-1]
    venv.create(folder / 'venv', with_pip=False)
    python = folder / 'venv' / 'bin' / 'python'
    (packages,) = (folder / 'venv').glob('lib/python*/site-packages')
    pip = [sys.executable, '-m', 'pip', f'--python={python}', '-q']
    subprocess.run([*pip, 'install', '--no-deps', '--no-index', str(wheel)], check=True)
    shutil.rmtree(tree)
    (packages / 'others.pth').write_text('\n'.join(site.getsitepackages()))
    return folder / 'venv' / 'bin' / 'mmssl-robust'


@pytest.fixture(scope='session')
def own_folder(tmp_path_factory):
    """A folder with encoders and data of a user's own."""
    pytest.importorskip('transformers')
    folder = tmp_path_factory.mktemp('mine')
    write_encoders(folder)
    write_data(folder)
    return folder
