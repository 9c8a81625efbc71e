"""Skill by task, and against the cost of a training."""

import json

import cv2
import pytest

TOOL = 'analysis_tools/plot_skill.py'
HEADER = 'kind,rank,model,against,task,data,metric,images,reference,chance,clean,attacked,value,low,high,interval'
LINES = (
    'overall,2,mini,,,,,8,,,,,-0.25,-0.5,0.0,bootstrap',
    'overall,1,"mini, FARE",,,,,8,,,,,0.125,0.0,0.25,bootstrap',
    'skill,2,mini,,classification,CIFAR-10,accuracy,8,mini,10,75,0,-0.25,-0.5,0.0,bootstrap',
    'skill,1,"mini, FARE",,classification,CIFAR-10,accuracy,8,mini,10,70,25,0.25,0.125,0.5,bootstrap',
    'skill,1,"mini, FARE",,depth,NYU,rmse,4,mini,1.2,0.875,1.05,0.125,0.0,0.25,bootstrap',
    'difference,,"mini, FARE",mini,,,,8,,,,,0.375,0.1,0.6,bootstrap',
)


@pytest.fixture
def report(tmp_path):
    folder = tmp_path / 'report'
    folder.mkdir()
    (folder / 'ranking.csv').write_text('\n'.join((HEADER, *LINES)))
    return folder


def log(run, start, *epochs):
    path = run / start / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    lines = [{'cost/forwards': 40 * count, 'cost/backwards': 30 * count, 'step': step} for step, count in epochs]
    path.write_text('\n'.join(map(json.dumps, [{'loss': 1.0, 'step': 7}, *lines])) + '\n{"cost/for')


def test_table_and_figures(run_tool, report, tmp_path, capsys):
    """The best first; of an epoch that was trained twice the last counts."""
    log(tmp_path / 'runs' / 'FARE', '1', (1, 10), (2, 5))
    log(tmp_path / 'runs' / 'FARE', '2', (2, 10), (3, 10))
    run_tool(TOOL, report, '--runs', tmp_path / 'runs')
    cells = [[cell.strip() for cell in line.split('|')[1:-1]] for line in capsys.readouterr().out.splitlines()]
    rows = [line for line in cells if line and line[0].startswith('mini')]
    assert rows == [
        ['mini, FARE', '2.1e+03', '70 -> 25 (0.250)', '0.875 -> 1.05 (0.125)', '0.125 [0.000, 0.250]'],
        ['mini', '', '75 -> 0 (-0.250)', '', '-0.250 [-0.500, 0.000]'],
    ]
    for name in ('skill.png', 'skill_cost.png'):
        assert cv2.imread(str(report / name)).std() > 5


def test_without_trainings(run_tool, report, tmp_path):
    run_tool(TOOL, report, '--out', tmp_path / 'out')
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['skill.png']


@pytest.mark.parametrize('text', [None, 'a,b\n1,2\n', HEADER + '\noverall,1,mini,,,,,8,,,,,much,0,0,\n'])
def test_no_ranking(run_tool, tmp_path, capsys, text):
    if text is not None:
        (tmp_path / 'ranking.csv').write_text(text)
    with pytest.raises(SystemExit):
        run_tool(TOOL, tmp_path)
    assert 'is no ranking of a report' in capsys.readouterr().err


def test_no_trainings(run_tool, report, tmp_path, capsys):
    with pytest.raises(SystemExit):
        run_tool(TOOL, report, '--runs', tmp_path / 'none')
    assert 'no training below' in capsys.readouterr().err
