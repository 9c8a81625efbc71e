"""Records of patches, which are judged outside themselves, and of minimal perturbations."""

from dataclasses import replace

import numpy as np
import pytest
from fakes import attack_cfg, fake_records, fake_row, write_row

from mmssl_robust.attack_settings import CLEAN, OUTSIDE
from mmssl_robust.benchmark.believable import checks_of
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.benchmark.results import results_of
from mmssl_robust.benchmark.row_records import RowRecords, read_rows, store_of
from mmssl_robust.benchmark.suite import Suite
from mmssl_robust.robustness_curve import median_size


def row_of(task, name):
    return replace(fake_row(task, sweeps=False), attacks={name: attack_cfg(name)}, sweeps={})


def write(folder, row, records):
    Suite('fake', 'Threats', (row,)).write(folder)
    (name,) = row.attacks
    write_row(folder, row, skip=[name], images=len({record['index'] for record in records}))
    store = store_of(row, folder)
    store.add(name, 0, records)
    store.finish(name, 1)
    return RowRecords(row, store)


@pytest.mark.parametrize('task', ['segmentation', 'depth'])
def test_a_patch_is_compared_with_the_clean_prediction_outside_it(task, tmp_path):
    row = row_of(task, 'patch')
    attacked = [record | dict(member=OUTSIDE) for record in fake_records(row, 'patch', 8)]
    outside = [record | dict(member=CLEAN, attack='patch') for record in fake_records(row, CLEAN, 8, seed=3)]
    records = write(tmp_path, row, [one for pair in zip(outside, attacked) for one in pair])
    qualities = [np.array([record['quality'] for record in part]) for part in (outside, attacked)]
    before, after = qualities
    assert records.changes('patch') == ((after < before).sum(), (after > before).sum())
    for found, part in ((records.contributions('patch'), attacked), (records.clean_beside('patch'), outside)):
        name = 'aAcc' if task == 'segmentation' else 'rmse'
        if task == 'depth':
            assert found.values()[name] == pytest.approx(np.mean([record['rmse'] for record in part]))
        else:
            areas = [[sum(record[key]) for record in part] for key in ('intersections', 'labels')]
            assert found.values()[name] == pytest.approx(100 * sum(areas[0]) / sum(areas[1]))
    assert records.attacked is None and records.worst == {}
    failed = {check.name for check in checks_of([records]) if not check.passed}
    assert failed <= {'no RMSE falls'}  # on a random quarter of the images here, as clean and attacked are drawn apart
    table = results_of([records], resamples=10)
    assert set(table['attack']) == {CLEAN, 'patch'} and list(table[table['attack'] == 'patch']['norm'])[0] == 'l0'
    page = write_report(tmp_path, tmp_path / 'report', resamples=10).read_text()
    assert 'Other threats' in page and read_rows(tmp_path)[1][0].changes('patch') == records.changes('patch')


def test_sizes_of_minimal_perturbations(tmp_path):
    row = row_of('classification', 'minimal')
    sizes, found = [0.0, 0.01, 0.03, 0.05, 0.06, 0.1], [True, True, True, True, False, False]
    parts = zip(fake_records(row, 'minimal', 6), sizes, found)
    records = write(tmp_path, row, [record | dict(linf=size, success=fell) for record, size, fell in parts])
    assert records.sizes('minimal').tolist() == [0.0, 0.01, 0.03, 0.05, np.inf, np.inf]
    assert median_size(records.sizes('minimal')) == 0.05
    names = {check.name for check in checks_of([records]) if not check.passed}
    assert 'perturbations use the ball and stay in it' not in names
