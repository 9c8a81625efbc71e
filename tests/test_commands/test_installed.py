"""From a built wheel, in a folder that knows nothing of the repository: names resolve and commands run."""

import os
import subprocess

import pytest

MISTAKES = [
    (['benchmark', 'mini_figure', '--dry-run'], "unknown suite 'mini_figure': did you mean mini_figure2"),
    (['test', 'mini_cifar', 'x.pth'], 'did you mean mini_cifar10'),
    (['test', 'configs/classification/mini_cifar10.py', 'x.pth', '--attack', 'pdg'], 'did you mean pgd'),
]
HEAD = 'mmssl_robust://mini/mini_cifar10.safetensors'
ENCODER = f'test mini_cifar10 {HEAD} --attack pgd --steps 1 --max-images 1 --out out.json'
ONE_BY_ONE = """
import sys
from mmssl_robust.commands.main import main

for words in {commands}:
    code = 0
    try:
        main(words)
    except SystemExit as end:
        code = end.code
    print('exit code', code, file=sys.stderr)
"""


@pytest.fixture
def run(command, tmp_path):
    """Run it elsewhere; returns the exit code and what it said."""
    environment = {
        key: value for key, value in os.environ.items() if key != 'PYTHONPATH'
    }  # of DATA_ROOT the photographs

    def call(*arguments, program=command):
        done = subprocess.run(
            [program, *map(str, arguments)], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        return done.returncode, done.stdout + done.stderr

    return call


def test_names_resolve_from_anywhere(run):
    code, text = run('list', 'configs')
    assert code == 0 and 'mini_camvid ' in text


def test_an_encoder_is_attacked_little_is_said_and_mistakes_are_explained(run, command, tmp_path):
    # In one process, which imports the libraries once.
    commands = [ENCODER.split(), *(words for words, _ in MISTAKES)]
    code, text = run('-c', ONE_BY_ONE.format(commands=commands), program=command.with_name('python'))
    attacked, *mistakes = text.split('exit code ')[:-1]
    assert code == 0 and (tmp_path / 'out.json').is_file(), text
    for noise in ('Config:', 'Hooks will be executed', 'OneDL', 'MultiScaleDeformableAttention', 'System environment'):
        assert noise not in attacked
    assert ', 1 image\n' in attacked or ', 1 image ' in attacked
    (log,) = (tmp_path / 'work_dirs' / 'mini_cifar10').glob('*/*.log')
    assert 'Hooks will be executed' in log.read_text() and 'Config:' in log.read_text()
    codes = [line for line in text.splitlines() if line.startswith('exit code')]
    assert codes == ['exit code 0', *len(MISTAKES) * ['exit code 2']]
    assert all(said in lines for (_, said), lines in zip(MISTAKES, mistakes, strict=True)), text
    assert all(lines.splitlines()[1].startswith('error: ') for lines in mistakes), text
