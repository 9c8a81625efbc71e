"""What is varied for the picture of costs, and the picture."""

import runpy
from pathlib import Path

import pandas as pd
import pytest
from attack_speed.cases import pgd
from attack_speed.contest import Settings
from attack_speed.scaling import Axis, axes_of, measure_axis
from toys import ARCH

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'analysis_tools' / 'plot_scaling.py'


def test_each_value_is_measured_for_both():
    axis = Axis('steps', (1, 2), lambda steps: pgd(Settings(batch_size=1), ARCH, 16, steps))
    table = pd.DataFrame(measure_axis(axis, seed=0, budget=0, synchronise=lambda: None))
    assert list(zip(table['value'], table['contender'])) == [
        (value, name) for value in (1, 2) for name in ('ours', 'textbook')
    ]
    assert (table['low'] <= table['seconds']).all() and (table['seconds'] <= table['high']).all()


@pytest.mark.parametrize(('name', 'value', 'windows'), [('windows', 1, 1), ('windows', 4, 4), ('classes', 10, 1)])
def test_segmentor_sees_as_many_windows_as_the_axis_says(name, value, windows, monkeypatch):
    contest = axes_of(Settings(), dense=ARCH | dict(patch_size=14, img_size=14))[name].build(value)
    height, width = contest.pixels.shape[-2:]
    side = 112 if name == 'windows' else 224
    assert (height, (width - side) // 56 + 1) == (side, windows)


def test_the_picture_has_a_panel_for_each_axis():
    rows = [
        dict(axis=axis, value=value, contender=name, seconds=value, low=value, high=value)
        for axis in ('size', 'steps', 'windows', 'processes')
        for value in (1, 2)
        for name in ('ours', 'textbook')
    ]
    draw = runpy.run_path(str(TOOL))['draw']
    figure = draw(pd.DataFrame(rows), dict.fromkeys(('size', 'steps', 'windows', 'processes'), 'x'), 'here')
    shown = [panel for panel in figure.axes if panel.get_visible()]
    assert len(shown) == 4 and all(len(panel.lines) == 2 for panel in shown)
