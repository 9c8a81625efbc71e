"""The notebook of examples/: stripped in the repository, and running from its first cell to its last."""

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / 'examples' / 'robustness_of_your_encoder.ipynb'
CODE = [cell for cell in json.loads(NOTEBOOK.read_text())['cells'] if cell['cell_type'] == 'code']


def test_outputs_are_stripped():
    assert CODE
    assert [cell for cell in CODE if cell['outputs'] or cell['execution_count'] is not None] == []


def test_encoder_and_photographs_are_the_first_thing_to_change():
    first = ''.join(CODE[0]['source'])
    assert 'ENCODER = ' in first and 'PHOTOS = ' in first


@pytest.mark.slow
def test_runs(tmp_path, monkeypatch):
    nbclient = pytest.importorskip('nbclient', reason='nbclient is not installed: pip install -e .[examples]')
    nbformat = pytest.importorskip('nbformat', reason='nbformat is not installed: pip install -e .[examples]')
    pytest.importorskip('ipykernel', reason='ipykernel is not installed: pip install -e .[examples]')
    monkeypatch.delenv('DATA_ROOT', raising=False)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    resources = dict(metadata=dict(path=str(tmp_path)))
    nbclient.NotebookClient(notebook, timeout=1800, kernel_name='python3', resources=resources).execute()
    said = json.dumps([cell.get('outputs') for cell in notebook.cells])
    assert 'largest change: 8.00 of 255' in said
    assert said.count('image/png') >= 8
    assert len(list(tmp_path.glob('work_dirs/evaluate/*/report/report.html'))) == 6
