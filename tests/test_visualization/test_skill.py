"""What pictures of skills call their models, and where these stand."""

import pytest

from mmssl_robust.visualization.skill import Ranked, draw_costs, labels_of, side_by_side


def test_variants_of_one_encoder_go_by_their_variant():
    assert labels_of(['mini, FARE', 'mini, LORE', 'mini']) == ['FARE', 'LORE', 'mini']
    assert labels_of(['mini, FARE', 'other']) == ['mini, FARE', 'other']
    assert labels_of(['a' * 40 + 'end'])[0].endswith('end')


def test_equal_costs_stand_side_by_side():
    assert side_by_side([5.0, 9.0]) == [5.0, 9.0]
    apart = side_by_side([100.0, 100.0, 7.0, 100.0])
    assert apart[0] < apart[1] == 100 < apart[3] < 106 and apart[2] == 7
    assert apart[0] * apart[3] == pytest.approx(100 * 100)


def test_each_model_with_a_cost_has_its_own_look():
    models = [
        Ranked(f'mini, {name}', (place / 9, place / 9 - 0.1, place / 9 + 0.1)) for place, name in enumerate('abcdefgh')
    ]
    figure = draw_costs([*models, Ranked('mini, unknown')], dict.fromkeys([model.name for model in models], 7e4))
    lines = [part for bar in figure.axes[0].containers for part in bar.lines[:1]]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 8
    assert len({line.get_xdata()[0] for line in lines}) == 8
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list('abcdefgh')
