"""Records of corruptions: their mean is the result, each of them a line."""

from dataclasses import replace

import numpy as np
import pytest
from fakes import fake_records, fake_row, write_suite

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.benchmark.report.content import gather
from mmssl_robust.benchmark.report.page import render_page
from mmssl_robust.benchmark.report.tables import markdown_report
from mmssl_robust.benchmark.report.threats import markdown_threats, threats_of
from mmssl_robust.benchmark.row_records import WORST, store_of

EDITS = dict(type='mmssl_robust.Corruptions', names=['jpeg', 'darken'], severity=3)


@pytest.fixture(scope='module')
def content(tmp_path_factory):
    """Of segmentation, whose metric is no mean over images."""
    folder = tmp_path_factory.mktemp('suite')
    row = fake_row('segmentation', sweeps=False)
    row = replace(row, attacks=row.attacks | dict(edits=EDITS))
    write_suite(folder, [row], skip=('edits',), examples=0, images=6)
    store = store_of(row, folder)
    # The second is hard for other images than the first.
    records = [
        record | dict(member=member, linf=0.5)
        for member, seed in (('jpeg', 0), ('darken', 3))
        for record in fake_records(row, 'edits', 6, seed)
    ]
    labels = {record['index']: record for record in records[:6]}
    records = [record | dict(labels=labels[record['index']]['labels']) for record in records]
    store.add('edits', 0, records)
    store.finish('edits', 1)
    return gather(folder, 20)


def test_the_result_is_the_mean_over_corruptions(content):
    results, members = (
        table[table['metric'] == table['metric'].iloc[0]].set_index('attack')['value']
        for table in (content.results, content.members)
    )
    assert list(members.index) == ['edits/jpeg', 'edits/darken'] and members.nunique() == 2
    assert results['edits'] == pytest.approx(members.mean())
    assert set(content.members['kind']) == {'member'} and set(content.members['threat']) == {'corruption'}
    assert not any(check.attack == 'edits' for check in content.checks)


def test_no_worst_case_has_them(content):
    (records,) = content.rows
    assert list(records.worst) == [WORST]
    members = records.worst[WORST].records['attack']
    assert 'edits' not in set(members) and records.changes('edits') is None
    assert np.array_equal(records.attacked.index, records.contributions(CLEAN).index)


def test_the_report_has_each(content):
    mean, each = threats_of(content)
    assert mean.columns == [CLEAN, 'edits'] and mean.budgets['edits'] == 'severity 3'
    assert each.columns == [CLEAN, 'edits/jpeg', 'edits/darken'] and 'each corruption' in each.title
    assert None not in each.body[0][1]
    assert 'data-label="edits/darken"' in render_page(content, {}, 0)
    assert 'edits/darken' in markdown_report(content, {}, markdown_threats(content))
