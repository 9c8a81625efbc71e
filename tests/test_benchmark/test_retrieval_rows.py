"""Rows of a suite whose head is filled, not trained."""

import json

import pandas as pd
import pytest
from mmengine.config import Config
from toys import cheapen_checks

from mmssl_robust.benchmark import run
from mmssl_robust.benchmark.cost import row_cost
from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.benchmark.resolved_row import NO_HEAD, ResolvedRow
from mmssl_robust.benchmark.results import results_of
from mmssl_robust.benchmark.row_records import read_rows, store_of
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.presets import load_preset
from mmssl_robust.utils.errors import UserError

IMAGES = 10


def row_of(config='configs/retrieval/mini_cifar10_retrieval.py', task='retrieval', **changes):
    fields = dict(data='CIFAR-10', encoder='mini ViT', name='row', max_images=IMAGES, batch_size=5)
    fields |= dict(attacks=dict(embed=load_preset('embed', steps=2), pgd=load_preset('pgd', steps=2)))
    return Row(config, task, **fields | changes)


def suite_run(folder, row):
    return SuiteRun(Suite('own', 'Own', (row,)), folder, folder / 'heads', Options(examples=1))


def run_row(folder, row):
    suite = suite_run(folder, row)
    suite.check()
    suite.run()
    return store_of(row, folder)


@pytest.fixture(scope='module')
def folder(tmp_path_factory, data_root):
    """A suite with one row, run to its end."""
    folder = tmp_path_factory.mktemp('suite')
    with pytest.MonkeyPatch.context() as patch:
        cheapen_checks(patch)
        run_row(folder, row_of(sanity_images=3))
    return folder


def test_records_results_and_report(folder):
    store = store_of(row_of(), folder)
    clean, pgd = store.read('clean'), store.read('pgd')
    assert (clean.recall_at_1 == (clean.label == clean.neighbour)).all() and clean.recall_at_1.any()
    assert (clean.recall_at_1 == (clean.quality > 0)).all()
    assert (pgd.success == ~pgd.recall_at_1).all() and pgd.quality.mean() < clean.quality.mean()
    assert {check['name'] for check in store.sanity()['pgd']} >= {'gradients are not zero'}
    _, rows = read_rows(folder)
    table = results_of(rows, resamples=50).set_index(['attack', 'metric'])['value']
    assert table['clean', 'recall_at_1'] == 100 * clean.recall_at_1.mean()
    assert table['pgd', 'mAP'] == pytest.approx(100 * pgd.mAP.mean())
    assert table['worst case', 'recall_at_1'] <= table['pgd', 'recall_at_1']
    page = write_report(folder, folder / 'report', resamples=50).read_text()
    assert 'recall@1' in page and 'margin of similarity' in page and 'nearest' in page


def test_clean_figures_are_those_of_the_test_tool(folder, tmp_path, config, run_tool):
    arguments = ('--max-images', IMAGES, '--batch-size', 5, '--out', tmp_path / 'out.json', '--work-dir', tmp_path)
    run_tool('test.py', config('retrieval/mini_cifar10_retrieval.py'), *arguments)
    metrics = json.loads((tmp_path / 'out.json').read_text())['metrics']
    clean = store_of(row_of(), folder).read('clean')
    columns = {'Recall@1': 'recall_at_1', 'Recall@5': 'recall_at_5', 'mAP': 'mAP'}
    assert metrics == pytest.approx({name: 100 * clean[column].mean() for name, column in columns.items()})


def test_goes_on_and_then_loads_nothing(folder, tmp_path, monkeypatch):
    row = row_of(attacks=dict(embed=row_of().attacks['embed']))
    run_row(tmp_path, row)
    store = run_row(tmp_path, row_of())
    for name in ('clean', 'embed', 'pgd'):
        whole = store_of(row_of(), folder).read(name)
        pd.testing.assert_frame_equal(store.read(name).drop(columns='seconds'), whole.drop(columns='seconds'))
    monkeypatch.setattr(run, 'RowEvaluation', lambda *_: pytest.fail('a model is built'))
    run_row(tmp_path, row_of())


def test_records_depend_on_the_bank(folder, tmp_path, config, data_root):
    identity = store_of(row_of(), folder).info()['identity']
    assert identity['head_sha256'] is None and identity['head'] == NO_HEAD
    assert identity['bank_data_root'] == str(data_root / 'cifar10')
    own = tmp_path / 'own.py'
    text = f"_base_ = ['{config('retrieval/mini_cifar10_retrieval.py')}']\nbank_dataloader = dict(dataset=dict(%s))\n"
    own.write_text(text % '')
    row = row_of(str(own), attacks={}, max_images=2)
    run_row(tmp_path, row)
    for change, differing in ((f"data_root='{tmp_path}'", 'bank_data_root'), ("data_prefix='test'", 'config_hash')):
        own.write_text(text % change)
        with pytest.raises(UserError, match=differing):
            suite_run(tmp_path, row).check()
    own.write_text(text % f"data_root='{tmp_path / 'none'}'")
    with pytest.raises(UserError, match='data folder not found'):
        suite_run(tmp_path / 'new', row).check()


def test_other_rows_are_what_they_were(config, tmp_path):
    resolved = ResolvedRow(row_of('configs/classification/mini_cifar10.py', 'classification'), tmp_path, Options())
    assert 'bank_data_root' not in resolved.known and resolved.trains_head
    cfg = Config.fromfile(config('retrieval/mini_cifar10_retrieval.py'))
    assert not ResolvedRow(row_of(), tmp_path, Options()).trains_head and cfg.train_dataloader is None


def test_a_row_of_nearest_neighbours(tmp_path):
    store = run_row(tmp_path, row_of('configs/probes/mini_cifar10_knn.py', 'classification', attacks={}))
    clean = store.read('clean')
    assert len(clean) == IMAGES and clean.quality.notna().all() and (clean.label == clean.prediction).any()


def test_cost_counts_what_fills_the_bank(folder, tmp_path):
    row = row_of(sanity_images=1)
    before, after = (row_cost(row, work_dir, tmp_path, Options()) for work_dir in (tmp_path, folder))
    assert not before.problem and (before.images, before.todo) == (IMAGES, 3 * IMAGES)
    clean = row_cost(row_of(attacks={}), tmp_path, tmp_path, Options())
    assert before.flops_head == pytest.approx(60 * clean.flops / IMAGES)  # the gallery has 60 images
    assert (after.todo, after.flops, after.flops_head) == (0, 0, 0)
