"""What a report says of other threats than a perturbation of one image."""

from dataclasses import replace

import numpy as np
import pytest
from fakes import fake_row, write_suite

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.attacks import PGD
from mmssl_robust.benchmark.report.content import gather
from mmssl_robust.benchmark.report.page import render_page
from mmssl_robust.benchmark.report.summary import summary
from mmssl_robust.benchmark.report.tables import columns_of, markdown_report
from mmssl_robust.benchmark.report.threats import kinds_of, markdown_threats, smallest_of, threats_of
from mmssl_robust.presets import load_preset
from mmssl_robust.registry import ATTACKS


class Uniform(PGD):
    """In no ball, so that it is in no worst case."""

    kind = 'corruption'


@pytest.fixture
def content(tmp_path, monkeypatch):
    monkeypatch.setitem(ATTACKS.module_dict, 'Uniform', Uniform)
    rows = [fake_row(task, sweeps=False) for task in ('classification', 'depth')]
    other = dict(rows[0].attacks['pgd'], type='Uniform', eps=1.0)
    weak = {name: attack | dict(eps='1/255') for name, attack in rows[0].attacks.items()}
    write_suite(tmp_path, [replace(rows[0], attacks=weak | dict(other=other)), rows[1]], examples=0)
    return gather(tmp_path, 50)


def test_other_threats_have_a_table_of_their_own(content):
    assert columns_of(content, 'classification') == [CLEAN, 'embed', 'pgd', 'worst case']
    (table,) = threats_of(content)
    assert table.title == 'Classification' and table.columns == [CLEAN, 'other']
    ((_, cells),) = table.body
    assert None not in cells
    assert [kind for kind, _ in kinds_of(content)] == ['corruption']


def test_they_are_in_no_worst_case(content):
    table = content.results[content.results['task'] == 'classification']
    value = table.set_index(['attack', 'metric'])['value']
    assert value['other', 'accuracy'] < value['worst case', 'accuracy']
    assert set(content.kept['attack']) == {'embed', 'pgd', 'depthpgd'}
    assert 'other' not in summary(content)[0]


def test_page_and_markdown_have_a_section_of_them(content):
    page = render_page(content, {}, 0)
    assert page.startswith('<!DOCTYPE html>')
    section = page[page.index('<section id="threats">') : page.index('<section id="figures">')]
    assert 'data-label="other"' in section and 'bound no attacker' in section and '<a href="#threats">' in page
    assert '## Other threats' in markdown_report(content, {}, markdown_threats(content))


def test_without_any_there_is_no_section(tmp_path):
    write_suite(tmp_path, [fake_row('depth', sweeps=False)], examples=0)
    content = gather(tmp_path, 50)
    assert (
        not threats_of(content) and not markdown_threats(content) and 'Other threats' not in render_page(content, {}, 0)
    )


def test_of_smallest_perturbations_the_median_is_told(tmp_path):
    row = fake_row('depth', sweeps=False)
    row = replace(row, attacks=row.attacks | dict(minimal=load_preset('minimal', eps='16/255')))
    write_suite(tmp_path, [row], examples=0)
    content = gather(tmp_path, 50)
    (records,) = content.rows
    sizes = records.sizes('minimal')
    ((*_, attack, images, median, withstand),) = smallest_of(content).to_numpy()
    assert (attack, images, withstand) == ('minimal', str(len(sizes)), f'{np.isinf(sizes).sum()} at 16/255')
    middle = np.median(sizes)
    assert median == (f'{255 * middle:.4g}/255' if np.isfinite(middle) else '> 16/255')
    assert columns_of(content, 'depth') == [CLEAN, 'embed', 'depthpgd', 'worst case'] and not threats_of(content)
    page, text = render_page(content, {}, 0), markdown_report(content, {}, markdown_threats(content))
    assert '<h3>Smallest perturbations</h3>' in page and '### Smallest perturbations' in text and median in text
