"""The scripts of examples/ run as they are."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / 'examples'
SCRIPTS = sorted(EXAMPLES.glob('*.py'))


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a script in an empty folder; returns what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('DATA_ROOT', raising=False)

    def run_script(name):
        runpy.run_path(str(EXAMPLES / name), run_name='__main__')
        return capsys.readouterr().out

    return run_script


@pytest.mark.parametrize('path', SCRIPTS, ids=lambda path: path.name)
def test_script_is_short_and_listed(path):
    assert len(path.read_text().splitlines()) < 40
    assert f'({path.name})' in (EXAMPLES / 'README.md').read_text()


def test_plain_pytorch(run):
    said = run('attack_plain_pytorch.py')
    assert 'largest change: 8.00 of 255' in said
    assert said.count('class\n') == 4


@pytest.mark.slow
def test_encoder(run, tmp_path):
    said = run('evaluate_encoder.py')
    assert 'of the distance between two images' in said
    assert list(tmp_path.glob('work_dirs/evaluate/*/table.csv')) and list(tmp_path.glob('**/report.html'))


@pytest.mark.slow
def test_own_attack(run):
    assert 'doubt 8/255' in run('own_attack.py')
