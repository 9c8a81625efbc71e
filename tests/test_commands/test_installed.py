"""From a built wheel, in a folder that knows nothing of the repository: names resolve and commands run."""

import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCE = shutil.ignore_patterns('.*', '__pycache__', 'build', 'dist', '*.egg-info', 'work_dirs', 'data')


@pytest.fixture(scope='module')
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
    install = [
        sys.executable,
        '-m',
        'pip',
        f'--python={python}',
        'install',
        '--no-deps',
        '--no-index',
        '-q',
        str(wheel),
    ]
    subprocess.run(install, check=True)
    shutil.rmtree(tree)
    (packages / 'others.pth').write_text('\n'.join(site.getsitepackages()))
    return folder / 'venv' / 'bin' / 'mmssl-robust'


@pytest.fixture
def run(command, tmp_path):
    """Run it elsewhere; returns the exit code and what it said."""
    environment = {
        key: value for key, value in os.environ.items() if key != 'PYTHONPATH'
    }  # of DATA_ROOT the photographs

    def call(*arguments):
        done = subprocess.run(
            [command, *map(str, arguments)], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        return done.returncode, done.stdout + done.stderr

    return call


def test_names_resolve_from_anywhere(run):
    code, text = run('list', 'configs')
    assert code == 0 and 'mini_camvid ' in text
    code, text = run('benchmark', 'mini_figure', '--dry-run')
    assert code == 2 and text.startswith("error: unknown suite 'mini_figure': did you mean mini_figure2")
    code, text = run('test', 'mini_cifar', 'x.pth')
    assert code == 2 and 'did you mean mini_cifar10' in text
    code, text = run('test', 'configs/classification/mini_cifar10.py', 'x.pth', '--attack', 'pdg')
    assert code == 2 and 'did you mean pgd' in text


def test_an_encoder_is_attacked_and_little_is_said(run, tmp_path):
    head = 'mmssl_robust://mini/mini_cifar10.safetensors'
    arguments = ['test', 'mini_cifar10', head, '--attack', 'pgd', '--steps', 1, '--max-images', 1]
    code, text = run(*arguments, '--out', 'out.json')
    assert code == 0 and (tmp_path / 'out.json').is_file(), text
    for noise in ('Config:', 'Hooks will be executed', 'OneDL', 'MultiScaleDeformableAttention', 'System environment'):
        assert noise not in text
    assert ', 1 image\n' in text or ', 1 image ' in text
    (log,) = (tmp_path / 'work_dirs' / 'mini_cifar10').glob('*/*.log')
    assert 'Hooks will be executed' in log.read_text() and 'Config:' in log.read_text()
