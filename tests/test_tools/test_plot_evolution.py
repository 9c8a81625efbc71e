import csv
import json

import cv2
import pytest

TOOL = 'analysis_tools/plot_evolution.py'
LINES = (
    {'cifar10/accuracy/top1': 66.0, 'cifar10/pgd/accuracy/top1': 0.0, 'hololens/rmse': 0.98, 'time': 1.0, 'step': 0},
    {'loss': 1.0, 'lr': 0.1, 'epoch': 1, 'step': 10},
    {'cifar10/accuracy/top1': 60.5, 'cifar10/pgd/accuracy/top1': 21.25, 'hololens/rmse': 1.125, 'step': 1},
)


@pytest.fixture
def run_dir(work_dir):
    log = work_dir / '20240101_000000' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text('\n'.join(map(json.dumps, LINES)))
    return work_dir


def test_figure_numbers_and_table(run_tool, run_dir, capsys):
    run_tool(TOOL, run_dir)
    picture = cv2.imread(str(run_dir / 'evolution.png'))
    assert picture.shape[1] == 800 and picture.std() > 10
    with (run_dir / 'evolution.csv').open(newline='') as file:
        assert list(csv.reader(file)) == [
            ['epoch', 'data', 'attack', 'metric', 'value', 'embedding'],
            ['0', 'cifar10', 'clean', 'accuracy/top1', '66.0', 'False'],
            ['0', 'cifar10', 'pgd', 'accuracy/top1', '0.0', 'False'],
            ['0', 'hololens', 'clean', 'rmse', '0.98', 'False'],
            ['1', 'cifar10', 'clean', 'accuracy/top1', '60.5', 'False'],
            ['1', 'cifar10', 'pgd', 'accuracy/top1', '21.25', 'False'],
            ['1', 'hololens', 'clean', 'rmse', '1.125', 'False'],
        ]
    assert {path.name for path in run_dir.iterdir()} == {'20240101_000000', 'evolution.png', 'evolution.csv'}
    output = capsys.readouterr().out
    rows = [line.split() for line in output.splitlines()]
    assert ['cifar10', 'clean', 'accuracy/top1', '66.00', '@', '0', '60.50', '@', '1', '-5.50'] in rows
    assert ['hololens', 'clean', 'rmse', '0.980', '@', '0', '1.125', '@', '1', '+0.145'] in rows
    assert str(run_dir / 'evolution.png') in output and str(run_dir / 'evolution.csv') in output


@pytest.mark.parametrize(('suffix', 'magic'), [('.pdf', b'%PDF'), ('.svg', b'<?xml')])
def test_other_formats_and_places(run_tool, run_dir, tmp_path, suffix, magic):
    out, numbers = tmp_path / 'new' / f'figure{suffix}', tmp_path / 'numbers.csv'
    run_tool(TOOL, run_dir, '--out', out, '--csv', numbers)
    assert out.read_bytes().startswith(magic) and numbers.read_text().startswith('epoch,')
    assert not (run_dir / 'evolution.png').exists() and [path.name for path in out.parent.iterdir()] == [out.name]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['{}/nowhere'], 'no such folder'),
        (['{}'], 'ProbeValLoop'),
        (['{}/work_dir', '--out', '{}/file/figure.png'], 'cannot write'),
        (['{}/work_dir', '--out', '{}/folder.png'], 'cannot write'),
        (['{}/work_dir', '--out', '{}/figure.jpeg'], '.png, .pdf, .svg'),
        (['{}/work_dir', '--csv', '{}/work_dir'], 'cannot write'),
        (['{}/work_dir', '--out', '{}/a.png', '--csv', '{}/a.png'], 'same file'),
    ],
)
def test_errors_are_one_line(run_tool, run_dir, tmp_path, capsys, arguments, message):
    (tmp_path / 'file').touch()
    (tmp_path / 'folder.png').mkdir()
    with pytest.raises(SystemExit) as end:
        run_tool(TOOL, *(argument.format(tmp_path) for argument in arguments))
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ') and error.count('\n') == 1 and message in error
    assert not list(tmp_path.rglob('.*'))


def test_no_validation_line(run_tool, run_dir, capsys):
    (run_dir / '20240101_000000' / 'vis_data' / 'scalars.json').write_text(json.dumps(LINES[1]))
    with pytest.raises(SystemExit):
        run_tool(TOOL, run_dir)
    assert 'no validation result' in capsys.readouterr().err
