"""Figures of a report: what they say has room in them."""

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mmssl_robust.benchmark.report import figures


def long_names(axis=None):
    """Four encoders as no legend likes them, each under three attacks."""
    names = [
        f'timm:vit_small_patch{i}_reg4_dinov2.lvd142m?checkpoint=some_long_file_name_{i}.safetensors' for i in '1234'
    ]
    shared = dict(task='embedding', data='photos', variant='Standard', value=40.0, low=20.0, high=60.0)
    if axis:
        shared |= dict(axis=axis, norm='linf', reads='embedding')
    rows = [
        shared | dict(encoder=name, attack=attack) for name in names for attack in ('embed-cls', 'embed-both', 'pgd')
    ]
    return pd.DataFrame([row | dict(x=x / 255) for row in rows for x in (2, 4, 8)] if axis else rows)


@pytest.mark.filterwarnings('error::UserWarning')
@pytest.mark.parametrize(
    'draw', [lambda: figures._curves(long_names('eps'), 'eps'), lambda: figures._kept(long_names())]
)
def test_long_names_leave_room_for_the_axes(draw):
    figure = draw()
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    frame = axes.get_window_extent()
    assert frame.height > 150 and frame.width > 250
    for text in axes.get_legend().get_texts():
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0 and box.y1 < frame.y0


def test_attacks_on_the_embedding_have_lines_of_their_own():
    table = long_names('eps').replace(dict(attack=dict(pgd='embed-patch')))
    styles = figures._styles(table)
    assert len(set(styles.values())) == len(styles) == 3


def test_a_variant_is_named_where_there_are_several():
    table = long_names('eps')
    assert not figures._model(table).str.contains('Standard').any()
    table.loc[table.index[:3], 'variant'] = 'DeACL'
    assert figures._model(table).str.contains('Standard').any()


def test_a_panel_without_variants_beside_one_with_them():
    table = long_names('eps')
    other = table[table['encoder'] == table['encoder'][0]].assign(data='others', variant='DeACL')
    figure = figures._curves(pd.concat([table, other], ignore_index=True), 'eps')
    labels = [text.get_text() for axes in figure.axes for text in axes.get_legend().get_texts()]
    assert len(labels) == 15 and all('Standard' in label or 'DeACL' in label for label in labels)
