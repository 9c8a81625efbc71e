"""Each kind of encoder on each kind of data, as a user types it; here in this process, tiny."""

import pytest
from own_data import SOURCES, TASKS

from mmssl_robust.commands.main import run_command
from mmssl_robust.easy.results import Results
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.terminal import console

FEW = ('--max-images', '2', '--steps', '1', '--eps', '4/255', '--size', '32', '--no-report')


@pytest.fixture
def short_training(monkeypatch):
    """Heads are trained for a moment."""
    monkeypatch.setattr('mmssl_robust.easy.configs._STEPS', 1)
    monkeypatch.setattr('mmssl_robust.easy.configs._EPOCHS', (1, 2))


@pytest.mark.parametrize('task', TASKS)
@pytest.mark.parametrize('source', SOURCES)
@pytest.mark.usefixtures('short_training')
def test_one_command(source, task, own_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(own_folder)
    with console.capture() as said:
        run_command('evaluate', [SOURCES[source], *TASKS[task], *FEW, '--out', str(tmp_path)])
    results = Results(tmp_path)
    assert '2 of ' in said.get() and 'done after' in said.get()
    assert set(results.table['attack']) == {'clean', *task_named(task).attacks}
    assert results.table['images'].eq(2).all() and results.table['value'].notna().all()
    if task == 'embedding':
        assert results.value() == 100 and results.value('embed-patch', 'patch_distance') > 0
