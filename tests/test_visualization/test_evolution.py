import json
import math

import pytest

from mmssl_robust.attacks import PGD, CrossEntropy, EmbedAttack
from mmssl_robust.utils.errors import UserError
from mmssl_robust.visualization.evolution import Point, curves_of, draw_evolution, read_evolution

TRAINING = {'lr': 1e-3, 'loss': -2.9, 'loss_teacher': -0.9, 'epoch': 1, 'iter': 10, 'step': 10}
COST = {'cost/seconds': 12.0, 'cost/forward_passes': 30, 'step': 1}


@pytest.fixture
def log(tmp_path):
    """Write one start's log; what is not a string becomes a line of JSON."""

    def write(timestamp, *lines):
        folder = tmp_path / timestamp / 'vis_data'
        folder.mkdir(parents=True)
        (folder / 'scalars.json').write_text(
            '\n'.join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        )
        return tmp_path

    return write


def test_only_probes_are_read_from_mixed_lines(log):
    validation = {
        'my.set/accuracy/top1': 66,
        'my.set/embed/accuracy/top1': 10.0,
        'my.set/pgd/accuracy/top1': 0.0,
        'camvid/mIoU': 28.3,
        'camvid/aAcc': 73.0,
        'camvid/segpgd/mIoU': 4.9,
        'camvid/segpgd/aAcc': 10.0,
        'hololens/rmse': math.nan,
        'hololens/depthpgd/rmse': 2.2,
        'hololens/abs_rel': 0.3,
        'hololens/depthpgd/rmse/min': 1.0,
        'nyu/rmse': None,
        'time': 0.5,
        'step': 2,
    }
    stock = {'mIoU': 14.3, 'segpgd/mIoU': 1.0, 'step': 3}
    work_dir = log('20240101_000000', TRAINING, validation, COST, stock, '[1, 2]', '', {'camvid/mIoU': 1.0})
    points = read_evolution(work_dir)
    assert points == sorted(points)
    values = {point[1:4]: point.value for point in points}
    assert math.isnan(values.pop(('hololens', 'clean', 'rmse')))
    assert values == {
        ('my.set', 'clean', 'accuracy/top1'): 66.0,
        ('my.set', 'embed', 'accuracy/top1'): 10.0,
        ('my.set', 'pgd', 'accuracy/top1'): 0.0,
        ('camvid', 'clean', 'mIoU'): 28.3,
        ('camvid', 'segpgd', 'mIoU'): 4.9,
        ('hololens', 'depthpgd', 'rmse'): 2.2,
    }
    assert {point.epoch for point in points} == {2}


def test_resumed_run_is_merged_and_the_later_start_wins(log):
    log('20240102_000000', {'camvid/mIoU': 21.0, 'step': 1}, {'camvid/mIoU': 22.0, 'step': 2})
    work_dir = log(
        '20240101_235959',
        {'camvid/mIoU': 10.0, 'step': 0},
        {'camvid/mIoU': 11.0, 'step': 1},
        '{"camvid/mIoU": 12.0, "st',
    )
    expected = [(0, 10.0), (1, 21.0), (2, 22.0)]
    assert read_evolution(work_dir) == [Point(epoch, 'camvid', 'clean', 'mIoU', value) for epoch, value in expected]


def test_what_cannot_be_read_is_a_user_error(log, tmp_path):
    with pytest.raises(UserError, match='no such folder'):
        read_evolution(tmp_path / 'nowhere')
    with pytest.raises(UserError, match=r'scalars.json .*mmssl_robust.ProbeValLoop'):
        read_evolution(tmp_path)
    work_dir = log('20240101_000000', TRAINING, COST, {'accuracy/top1': 66.0, 'pgd/accuracy/top1': 1.0, 'step': 1})
    with pytest.raises(UserError, match=r'no validation result .*mmssl_robust.ProbeValLoop'):
        read_evolution(work_dir)


def points_of(metric, attacks, data=('a',), epochs=(0, 1, 2)):
    return [
        Point(epoch, name, attack, metric, 10.0 * epoch, attack == 'embed')
        for epoch in epochs
        for name in data
        for attack in attacks
    ]


def test_panels_in_the_order_of_tasks():
    points = points_of('rmse', ['clean']) + points_of('mIoU', ['clean']) + points_of('accuracy/top1', ['clean'])
    axes = draw_evolution(points).axes
    assert [axis.get_title() for axis in axes] == ['classification', 'segmentation', 'depth']
    assert {axis.get_xlabel() for axis in axes} == {'epoch'}
    assert ['%' in axis.get_ylabel() for axis in axes] == [True, True, False]
    assert axes[2].get_ylabel() == 'RMSE (m), lower is better'
    assert len(draw_evolution(points_of('mIoU', ['clean'])).axes) == 1


def test_colour_is_the_data_set_and_style_the_attack():
    points = points_of('accuracy/top1', ['pgd', 'embed', 'clean'], data=['b', 'a']) + points_of('rmse', ['depthpgd'])
    classification, depth = draw_evolution(points).axes
    lines = {line.get_label(): line for line in classification.lines}
    assert list(lines) == ['a, clean', 'a, embed', 'a, pgd', 'b, clean', 'b, embed', 'b, pgd']
    assert [lines[f'a, {attack}'].get_linestyle() for attack in ('clean', 'embed', 'pgd')] == ['-', '--', ':']
    assert len({lines[f'a, {attack}'].get_color() for attack in ('clean', 'embed', 'pgd')}) == 1
    assert lines['a, clean'].get_color() != lines['b, clean'].get_color()
    assert depth.lines[0].get_linestyle() == ':' and depth.lines[0].get_color() == lines['a, clean'].get_color()
    assert all(line.get_marker() not in ('', 'None') for line in lines.values())
    assert lines['a, pgd'].get_xydata().tolist() == [[0, 0], [1, 10], [2, 20]]
    assert [text.get_text() for text in classification.get_legend().texts] == list(lines)


def test_two_own_attacks_can_be_told_apart():
    (axis,) = draw_evolution(points_of('mIoU', ['clean', 'segpgd', 'cospgd'])).axes
    assert len({(line.get_linestyle(), line.get_marker()) for line in axis.lines}) == 3


@pytest.mark.parametrize('epochs', [(0,), (0, 1), (0, 1, 2), range(51)])
def test_ticks_are_whole_epochs(epochs):
    figure = draw_evolution(points_of('mIoU', ['clean'], epochs=epochs))
    figure.canvas.draw()
    ticks = [label.get_text().replace('\N{MINUS SIGN}', '-') for label in figure.axes[0].get_xticklabels()]
    assert '0' in ticks and all(float(tick).is_integer() for tick in ticks)


def test_curves_are_ordered_whatever_the_order_of_points():
    points = points_of('rmse', ['clean']) + points_of('mIoU', ['attack', 'embed', 'clean'])[::-1]
    curves = curves_of(points)
    assert [curve.attack for curve in curves] == ['clean', 'embed', 'attack', 'clean']
    assert all([point.epoch for point in line] == [0, 1, 2] for line in curves.values())


def test_the_folder_says_which_attack_is_on_the_embedding(log):
    line = {f'cifar10/{attack}/accuracy/top1': 10.0 for attack in ('embed', 'away', 'pgd', 'worst')} | dict(step=1)
    work_dir = log('20240101_000000', line)
    assert {point.attack: point.embedding for point in read_evolution(work_dir)} == dict(
        embed=True, away=False, pgd=False
    )
    settings = dict(embed=PGD(CrossEntropy()), away=EmbedAttack(), pgd=PGD(CrossEntropy()))
    known = {name: attack.settings.as_dict() for name, attack in settings.items()}
    (work_dir / 'probes.json').write_text(json.dumps(dict(cifar10=known)))
    assert {point.attack: point.embedding for point in read_evolution(work_dir)} == dict(
        embed=False, away=True, pgd=False
    )
