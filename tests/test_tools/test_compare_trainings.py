"""Methods by several trainings of each."""

import pytest

TOOL = 'analysis_tools/compare_trainings.py'
HEADER = 'kind,rank,model,against,task,data,metric,images,reference,chance,clean,attacked,value,low,high,interval'
MODELS = {'mini': 0.8, 'mini, A_seed0': 0.5, 'mini, A_seed1': 0.6, 'mini, B_seed0': 0.1, 'mini, B_seed1': 0.4}


def write(folder, models):
    """Two tasks: the skills as given, of depth 0.2 less; clean accuracies of 90 %, less 10 for each model after it."""
    lines = []
    for place, (name, value) in enumerate(models.items()):
        lines.append(f'overall,1,"{name}",,,,,8,,,,,{value - 0.2},0,1,bootstrap')
        seen = f'10,{90 - 10 * place},20,{value},0,1,bootstrap'
        lines.append(f'skill,1,"{name}",,classification,CIFAR-10,accuracy,8,mini,{seen}')
        seen = f'2,{0.5 + 0.25 * place},2,{value - 0.2},0,1,bootstrap'
        lines.append(f'skill,1,"{name}",,depth,NYU,rmse,8,mini,{seen}')
    ordered = sorted(models, key=lambda name: -models[name])
    for place, first in enumerate(ordered):
        for second in ordered[place + 1 :]:
            gap = models[first] - models[second]
            for task, data in (('', ''), ('classification', 'CIFAR-10'), ('depth', 'NYU')):
                numbers = f'{gap},{gap - 0.05},{gap + 0.3},bootstrap'
                lines.append(f'difference,1,"{first}","{second}",{task},{data},,8,,,,,{numbers}')
    folder.mkdir(exist_ok=True)
    (folder / 'ranking.csv').write_text('\n'.join((HEADER, *lines)))
    return folder


def tables(text):
    """The cells of both tables, and what stands below."""
    *parts, below = text.split('\n\n')
    return *[
        [[cell.strip() for cell in line.split('|')[1:-1]] for line in part.splitlines() if line.startswith('|')][2:]
        for part in parts
    ], below.strip()


def test_means_spreads_and_the_weakest_pair(run_tool, tmp_path, capsys):
    run_tool(TOOL, write(tmp_path, MODELS))
    methods, pairs, below = tables(capsys.readouterr().out)
    assert below == 'Not compared, as no METHOD_seedN: mini.'
    spread = '{:.3f} ({:.3f} to {:.3f})'.format
    assert methods == [
        # Clean: accuracies of 80 and 70 over chance of 10, where the standard has 90; RMSE of 0.75 and 1 m over 2 m.
        ['A', '2', spread(0.8125, 0.75, 0.875), spread(0.75, 2 / 3, 0.625 / 0.75)]
        + [spread(0.55, 0.5, 0.6), *2 * [spread(0.35, 0.3, 0.4)]],
        ['B', '2', spread(0.5625, 0.5, 0.625), spread(0.417, 1 / 3, 0.5)]
        + [spread(0.25, 0.1, 0.4), *2 * [spread(0.05, -0.1, 0.2)]],
    ]
    assert pairs == [
        ['A', 'B', data, '0.100 to 0.500', '[0.050, 0.400]'] for data in ('least skill', 'CIFAR-10', 'NYU')
    ]


def test_a_training_that_is_behind_one_of_the_other_method(run_tool, tmp_path, capsys):
    run_tool(TOOL, write(tmp_path, MODELS | {'mini, B_seed0': 0.0, 'mini, B_seed1': 0.57}))
    (first, second, _, between, interval), *_ = tables(capsys.readouterr().out)[1]
    assert (first, second) == ('A', 'B')
    assert between == '-0.070 to 0.600'
    assert interval == '[-0.370, -0.020]'  # of B's line, turned round


def test_methods_of_two_encoders_are_told_apart(run_tool, tmp_path, capsys):
    run_tool(TOOL, write(tmp_path, MODELS | {'wide, A_seed0': 0.7}))
    methods = tables(capsys.readouterr().out)[0]
    assert [row[:2] for row in methods] == [['wide, A', '1'], ['mini, A', '2'], ['mini, B', '2']]


def test_two_tasks_on_one_data_set_are_told_apart(run_tool, tmp_path, capsys):
    path = write(tmp_path, MODELS) / 'ranking.csv'
    path.write_text(path.read_text().replace(',depth,NYU,', ',depth,CIFAR-10,'))
    run_tool(TOOL, tmp_path)
    methods, pairs, _ = tables(capsys.readouterr().out)
    assert methods[0][4].startswith('0.550') and methods[0][5].startswith('0.350')
    assert [row[2] for row in pairs] == ['least skill', 'classification, CIFAR-10', 'depth, CIFAR-10']


def test_a_training_without_a_task_is_named(run_tool, tmp_path, capsys):
    path = write(tmp_path, MODELS) / 'ranking.csv'
    lines = [line for line in path.read_text().splitlines() if not line.startswith('skill,1,"mini, A_seed1",,depth')]
    path.write_text('\n'.join(lines))
    with pytest.raises(SystemExit):
        run_tool(TOOL, tmp_path)
    assert 'mini, A_seed1 has no skill on NYU: evaluate it there' in capsys.readouterr().err


def test_one_method_has_no_pairs(run_tool, tmp_path, capsys):
    run_tool(TOOL, write(tmp_path, {'A_seed0': 0.5, 'A_seed1': 0.3}))
    printed = capsys.readouterr().out
    assert printed.count('| A |') == 1 and 'against' not in printed and 'Not compared' not in printed


@pytest.mark.parametrize('models', [None, {'mini': 0.5, 'mini, FARE': 0.3}])
def test_no_trainings(models, run_tool, tmp_path, capsys):
    if models:
        write(tmp_path, models)
    with pytest.raises(SystemExit):
        run_tool(TOOL, tmp_path)
    assert ('METHOD_seed0' if models else 'is no ranking') in capsys.readouterr().err


@pytest.mark.parametrize(
    'text', ['', 'a,b\n1,2\n', '\x00', HEADER + '\noverall,1,A_seed0,,,,,8,,,,,much,0,1,bootstrap\n']
)
def test_no_ranking(text, run_tool, tmp_path, capsys):
    (tmp_path / 'ranking.csv').write_text(text)
    with pytest.raises(SystemExit):
        run_tool(TOOL, tmp_path)
    error = capsys.readouterr().err
    assert 'is no ranking of a report' in error and error.count('\n') == 1
