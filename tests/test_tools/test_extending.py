"""docs/extending.md: every file of one's own as it stands there, used by the commands as they stand there."""

import json
import re
import shlex
import sys
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from toys import cheapen_checks

from mmssl_robust.registry import ATTACKS, DATASETS, METRICS, MODELS, OBJECTIVES
from mmssl_robust.tasks import TASKS

TEXT = (Path(__file__).resolve().parents[2] / 'docs' / 'extending.md').read_text()
FILES = dict(re.findall(r'`(\w+\.py)`:\n\n```python\n(.*?)```', TEXT, re.DOTALL))
MODULES = [Path(name).stem for name in FILES]
COMMANDS = [shlex.split(line) for line in re.findall(r'^python tools/(.*)$', TEXT, re.MULTILINE)]
PRESET, TRAIN, DATA_SET, TRAIN_NUMBER, NUMBER, DRY_RUN, SUITE, TRANSFER, REPORT = COMMANDS


@contextmanager
def forgotten():
    """What files of one's own register is unknown at the end, and so are they."""
    yield
    for registry in (ATTACKS, DATASETS, METRICS, MODELS, OBJECTIVES):
        own = [name for name, kind in registry.module_dict.items() if kind.__module__ in MODULES]
        for name in own:
            del registry.module_dict[name]
    for name in [name for name, task in TASKS.items() if type(task).__module__ in MODULES]:
        del TASKS[name]
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The folder of the files, in the current one."""
    cheapen_checks(monkeypatch)
    (tmp_path / 'mine').mkdir()
    for name, text in FILES.items():
        (tmp_path / 'mine' / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    with forgotten():
        yield tmp_path / 'mine'


@pytest.fixture
def run(run_tool, mine, capsys):
    """Run a command, perhaps with fewer images; returns what it prints, in one line."""

    def run(command, *fewer):
        capsys.readouterr()
        run_tool(*command, *fewer)
        return ' '.join(capsys.readouterr().out.split())

    return run


def result(name):
    return json.loads(Path('work_dirs', name).read_text())


def test_every_example_is_a_file_of_about_twenty_lines():
    assert TEXT.count('```python') == len(FILES) == 16
    assert max(text.count('\n') for text in FILES.values()) < 40


def test_an_attack_an_objective_and_a_preset(run):
    printed = run(PRESET, '--max-images', 2, '--steps', 2, '--sanity-images', 1)
    found = result('preset.json')
    settings = found['attacks']['my_preset']['settings']
    assert (settings['attack'], settings['objective']) == ('ShrinkingPGD', 'TopFiveMargin')
    assert (settings['steps'], settings['restarts'], settings['arguments']['power']) == (2, 2, 1.0)
    assert 0 < found['attacks']['my_preset']['max_norm'] <= 8 / 255 + 1e-6
    assert 'my_preset: linf, eps 8/255, steps 2, restarts 2, seed 0' in printed
    assert 'a second run is the same pass' in printed
    assert len(list(Path('work_dirs/pictures').glob('my_preset/*.png'))) == 2


def test_a_data_set(run):
    run(TRAIN)
    run(DATA_SET, '--steps', 2)
    found = result('photos.json')
    assert found['images'] == 24 and found['metrics']['accuracy/top1'] > 80
    assert found['metrics']['pgd/accuracy/top1'] < found['metrics']['accuracy/top1']


def test_a_kind_of_output(run):
    run(TRAIN_NUMBER)
    run(NUMBER, '--max-images', 2, '--steps', 3)
    found = result('rooms.json')
    assert found['metrics']['my_error_pgd/error'] > found['metrics']['error'] + 0.5
    assert found['attacks']['my_error_pgd']['settings']['objective'] == 'NumberError'
    checks = {check['name']: check['passed'] for check in found['sanity']['my_error_pgd']}
    assert checks['outputs change as the gradient says'] and checks['a second run is the same']


def test_a_suite_a_task_and_an_encoder(run, run_tool, mine, capsys, monkeypatch):
    few = ('--max-images', 2)
    printed = run(DRY_RUN, *few)
    assert 'my_encoder_photos-standard 2 0 4' in printed and 'mini_cifar10-standard 2 0 6' in printed
    run(SUITE, *few, '--examples', 1)
    folder = Path('work_dirs').resolve()
    check_numbers(folder / 'benchmark' / 'my_suite' / 'report')
    run([*TRANSFER], '--max-images', 1)
    check_transfer(pd.read_csv(folder / 'transfer' / 'transfer.csv'))
    monkeypatch.chdir('/')
    places = ('--work-dir', folder / 'benchmark' / 'my_suite', '--heads', folder / 'heads')
    printed = run(['benchmark.py'], mine / 'my_suite.py', '--dry-run', *few, *places)
    assert 'my_encoder_photos-standard 2 4 0' in printed and 'mini_cifar10-standard 2 6 0' in printed
    monkeypatch.chdir(mine.parent)
    check_report(run, run_tool, capsys)


def check_numbers(report):
    table = pd.read_csv(report / 'results.csv')
    assert set(table['task']) == {'top-5', 'classification'} and {'top5', 'rank'} <= set(table['metric'])
    own = table[(table['kind'] == 'result') & (table['metric'] == 'rank')].set_index('attack')['value']
    assert own['my_preset'] > own['clean'] >= 1
    assert set(table[table['encoder'] == 'two blocks']['attack']) >= {'clean', 'weak'}
    page = (report / 'report.html').read_text()
    assert re.search(r'adversarial: rank \d', page) and 'minus rank (top-5)' in page and 'top-5 accuracy, %' in page


def check_transfer(table):
    assert len(table) == (2 + 1 + 1) * 3 and table['agreement'].between(0, 1).all()
    assert set(table['attack']) == {'embed', 'my_preset', 'pgd', 'weak'}


def check_report(run, run_tool, capsys):
    with forgotten():
        pass
    with pytest.raises(SystemExit):
        run_tool('analysis_tools/report.py', 'work_dirs/benchmark/my_suite')
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: unknown task 'top-5': ") and error.endswith('--import for records)')
    assert run(REPORT).endswith('work_dirs/report/report.html')
    assert 'top-5 accuracy' in Path('work_dirs/report/report.md').read_text()
