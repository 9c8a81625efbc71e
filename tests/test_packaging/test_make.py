"""What make would do: which PyTorch an environment gets."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def told(tmp_path):
    """The commands of ``make``, of which none is run, in a tree that has no environment."""
    for name in ('Makefile', 'setup.py', 'pyproject.toml'):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / 'requirements', tmp_path / 'requirements')

    def make(*words):
        return subprocess.run(['make', '-n', *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    return make


def install_of(commands):
    return next(line for line in commands.splitlines() if 'install' in line and "'.[mm,tests]'" in line)


def test_pytorch_is_pinned_and_from_pypi(told):
    assert install_of(told('quickstart')) == (
        ".venv/bin/python -m pip install  -c requirements/constraints.txt -e '.[mm,tests]'"
    )


def test_another_index_may_be_named(told):
    line = install_of(told('quickstart', 'EXTRA_INDEX=https://example.org/cpu'))
    assert 'install --extra-index-url https://example.org/cpu -c requirements/constraints.txt' in line


def test_an_installed_pytorch_is_seen_and_not_pinned(told):
    commands = told('quickstart', 'SYSTEM_TORCH=1', 'PYTHON=/some/python')
    assert "sed '/^torch/d' requirements/constraints.txt > .venv/constraints.txt" in commands
    assert '-c .venv/constraints.txt' in install_of(commands)
    assert 'others.pth' in commands and "/some/python -c 'import site" in commands


def test_the_pins_of_pytorch_are_lines_of_their_own():
    pins = (ROOT / 'requirements/constraints.txt').read_text().splitlines()
    assert [line.split('==')[0] for line in pins if line.startswith('torch')] == ['torch', 'torchvision']
