"""A missing library is one line, whatever a tool would import first."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

WITHOUT_MMSEG = """
import runpy, sys
from importlib import metadata
version = metadata.version
def without_mmseg(name):
    if 'mmsegmentation' in name:
        raise metadata.PackageNotFoundError(name)
    return version(name)
metadata.version = without_mmseg
sys.modules['mmseg'] = sys.modules['mmengine'] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_missing_library_is_one_line(tool):
    command = [sys.executable, '-c', WITHOUT_MMSEG, str(ROOT / 'tools' / tool), 'mini_cifar10']
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 2
    assert process.stderr.count('\n') == 1 and 'mmsegmentation' in process.stderr and 'pip install' in process.stderr


@pytest.mark.parametrize('tool', sorted((ROOT / 'tools').rglob('*.py')), ids=lambda path: path.stem)
def test_every_tool_has_debug(tool):
    """By the parser that adds it; a script that another tool starts has no border of its own."""
    text = tool.read_text()
    if 'one_line_errors' in text:
        assert ' Parser(' in text and 'argparse.ArgumentParser(' not in text


@pytest.mark.parametrize('command', ['train', 'test', 'evaluate'])
def test_help_needs_no_library(command):
    script = f'from mmssl_robust.commands.main import main; main(["{command}", "--help"])'
    code = WITHOUT_MMSEG.rpartition('sys.argv =')[0] + script
    process = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0 and process.stdout.startswith(f'usage: mmssl-robust {command}')


@pytest.mark.parametrize(
    'command, missing, wanted',
    [
        ('evaluate mini photos', 'torch timm', "'torch>=2.4' 'timm>=1.0'"),
        ('report x', 'pandas', "'pandas>=2.1'"),
        ('doctor', 'packaging rich cv2', "'opencv-python>=4.8' 'packaging>=23' 'rich>=13'"),
    ],
)
def test_any_missing_library_is_one_line(command, missing, wanted):
    process = _without(missing, command)
    assert process.returncode == 2 and process.stderr.count('\n') == 1
    assert process.stderr.endswith(f'needed but not installed: run `pip install {wanted}`\n')


def test_doctor_needs_none_of_what_it_looks_for():
    process = _without('rich torch mmengine', 'doctor')
    assert process.returncode == 1 and not process.stderr and 'PyTorch cannot be imported' in process.stdout


def _without(missing, command):
    """Run a command where modules are missing, whatever is installed."""
    script = f'import sys; sys.modules.update(dict.fromkeys({missing.split()!r}))\n'
    script += f'from mmssl_robust.commands.main import main; main({command.split()!r})'
    return subprocess.run([sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True)
