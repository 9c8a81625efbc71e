"""What pictures of skills call their models, and where these stand."""

import pytest

from mmssl_robust.visualization.skill import Ranked, draw_costs, labels_of, side_by_side


def test_variants_of_one_encoder_go_by_their_variant():
    assert labels_of(['mini, FARE', 'mini, LORE', 'mini']) == ['FARE', 'LORE', 'mini']
    assert labels_of(['mini, FARE', 'other']) == ['mini, FARE', 'other']
    assert labels_of(['a' * 40 + 'end'])[0].endswith('end')


def test_what_would_be_hidden_stands_beside():
    assert side_by_side([5.0, 9.0]) == [5.0, 9.0]
    assert side_by_side([100.0, 100.0, 7.0, 100.0]) == pytest.approx([100, 102, 7, 104.04])
    assert side_by_side([]) == []


@pytest.mark.parametrize(
    'costs', [[99e3, 100e3, 102e3], [68e3, 68e3, 70e3, 70e3, 70e3], [1.14, 1.10, 1.10, 1.06], [1.049e5, 1.051e5]]
)
def test_costs_keep_their_order_and_none_hides_another(costs):
    moved = side_by_side(costs)
    assert sorted(range(len(costs)), key=costs.__getitem__) == sorted(range(len(costs)), key=moved.__getitem__)
    ordered = sorted(moved)
    assert all(later / earlier > 1.0199 for earlier, later in zip(ordered, ordered[1:]))


def test_each_model_with_a_cost_has_its_own_look():
    models = [
        Ranked(f'mini, {name}', (place / 9, place / 9 - 0.1, place / 9 + 0.1)) for place, name in enumerate('abcdefgh')
    ]
    figure = draw_costs([*models, Ranked('mini, unknown')], dict.fromkeys([model.name for model in models], 7e4))
    lines = [part for bar in figure.axes[0].containers for part in bar.lines[:1]]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 8
    assert len({line.get_xdata()[0] for line in lines}) == 8
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list('abcdefgh')
