"""Images made against one encoder's embedding, shown to others."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import torch

from mmssl_robust.benchmark.embedding_transfer import resized, transfer_embeddings
from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.benchmark.row_records import read_rows
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.suite import Suite
from mmssl_robust.benchmark.transfers import attack_of, transfers_of
from mmssl_robust.easy.comparison import rows_of_plans
from mmssl_robust.easy.plan import Plan

MINI = 'mini'
SAME = 'mini/encoder.safetensors'  # by another name, of which this is the end
OTHER = 'timm:vit_tiny_patch16_224?weights=random&size=48'


@pytest.fixture(scope='module')
def folder(tmp_path_factory, data_root):
    """Three encoders, of which one takes larger images."""
    out = tmp_path_factory.mktemp('compared')
    settings = dict(max_images=3, steps=2, attacks=('embed-cls',), eps=('8/255', '2/255'))
    photos = data_root / 'cifar10/test/bird'
    plans = [
        Plan(MINI, photos, size=32, **settings),
        Plan(f'mmssl_robust://{SAME}', photos, size=32, **settings),
        Plan(OTHER, photos, size=48, **settings),
    ]
    run = SuiteRun(Suite('t', 't', rows_of_plans(plans, out, lambda _: None)), out, out, Options())
    run.run()
    transfer_embeddings(run)
    return run


@pytest.fixture(scope='module')
def table(folder):
    found = transfers_of(read_rows(folder.work_dir)[1], resamples=50)
    return found.set_index(['source', 'target', 'metric'])['value'].sort_index()


def test_on_the_diagonal_are_the_encoders_own_numbers(folder, table):
    for records in read_rows(folder.work_dir)[1]:
        own = records.contributions('embed-cls').values()
        seen = table[records.row.encoder, records.row.encoder]
        assert set(seen.index) <= set(own) and len(seen) == 9
        for name, value in seen.items():
            assert value == pytest.approx(own[name], rel=1e-3, abs=1e-4), name


def test_the_same_encoder_by_another_name_is_moved_as_far(table):
    pd.testing.assert_series_equal(table[MINI, SAME], table[MINI, MINI], rtol=1e-4, atol=1e-4, check_names=False)
    pd.testing.assert_series_equal(table[OTHER, SAME], table[OTHER, MINI], rtol=1e-4, atol=1e-4, check_names=False)


def test_images_of_another_size_are_resized(table):
    assert table[MINI, OTHER, 'cls_distance'] > 0 and table[OTHER, MINI, 'cls_distance'] > 0
    assert table[MINI, OTHER, 'cls_distance'] < table[OTHER, OTHER, 'cls_distance']
    images = torch.rand(2, 3, 32, 32)
    assert resized(images, (32, 32)) is images
    plain = torch.full((1, 3, 32, 32), 0.25)
    torch.testing.assert_close(resized(plain, (48, 40)), torch.full((1, 3, 48, 40), 0.25))
    assert resized((images > 0.5).float(), (48, 48)).aminmax() == (0, 1)  # what bicubic overshoots is clipped


def test_nothing_is_done_twice(folder, monkeypatch):
    monkeypatch.setattr('mmssl_robust.benchmark.embedding_transfer.RowEvaluation', None)
    transfer_embeddings(folder)
    monkeypatch.setattr('mmssl_robust.benchmark.embedding_transfer._identity', lambda *_: b'another')
    with pytest.raises(TypeError):
        transfer_embeddings(folder)


def test_the_strongest_attack_is_shown_to_others(folder):
    row = folder.suite.rows[0]
    assert attack_of(row) == 'embed-cls' and len(row.attacks) == 2
    others = dict.fromkeys(('embed-cls', 'embed-both'), row.attacks['embed-cls'])
    assert attack_of(replace(row, attacks=others, sweeps={})) == 'embed-both'


@pytest.mark.filterwarnings('error::UserWarning')  # names are long, and figures have room for them
def test_the_report_shows_it(folder, tmp_path):
    page = write_report(folder.work_dir, tmp_path, resamples=50).read_text()
    assert 'Transfer between encoders' in page and page.count('data-label="made against"') == 3
    assert '## Transfer between encoders' in (tmp_path / 'report.md').read_text()
    lines = json.loads((tmp_path / 'results.json').read_text())['transfers']
    assert len(lines) == len(pd.read_csv(tmp_path / 'transfer.csv')) == 3 * 3 * 9
    assert {line['images'] for line in lines} == {3}
