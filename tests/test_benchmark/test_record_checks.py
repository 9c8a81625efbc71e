"""Records that no evaluation can have made are refused, in one line that names the file."""

import math

import numpy as np
import pytest
from fakes import fake_row, write_row

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.benchmark.parquet_files import read_parquet, write_parquet
from mmssl_robust.benchmark.row_records import RowRecords
from mmssl_robust.utils.errors import UserError

IMAGES = 4


def changed(tmp_path, task, attack, change):
    """Records of a row whose table of an attack, a list of rows, was changed."""
    row = fake_row(task, sweeps=False)
    store = write_row(tmp_path, row, images=IMAGES, examples=0)
    path = store.folder / f'{attack}.parquet'
    table = read_parquet(path)
    rows = table.to_pylist()
    rows = change(rows) or rows
    write_parquet(type(table).from_pylist(rows, table.schema), path, table.schema.metadata)
    return RowRecords(row, store)


def put(name, value, place=2):
    def change(rows):
        for row in rows if place is None else [rows[place]]:
            row[name] = value

    return change


NO_TRUTH = dict.fromkeys(('quality', 'rmse', 'abs_rel', 'log10', 'delta1', 'delta2', 'delta3'))


@pytest.mark.parametrize(
    'task, change, says',
    [
        ('classification', lambda rows: rows.clear(), 'are empty'),
        ('classification', lambda rows: rows * 2, None),  # of an ensemble without a name
        ('classification', lambda rows: [*rows, rows[1]], 'have image 1 2 times'),
        ('classification', put('attack', 'clean'), "are of the attack 'clean'"),
        ('classification', put('index', -3), 'have an image of index -3'),
        ('classification', put('score', math.nan), 'hold NaN as score of image 2'),
        ('classification', put('loss_after', math.nan), 'hold NaN as loss_after of image 2'),
        ('classification', put('quality', math.nan), 'hold NaN as quality of image 2'),
        ('classification', put('label', None), 'lack label of image 2'),
        ('classification', put('prediction', None, None), 'lack prediction of image 0'),
        ('classification', put('quality', None, None), 'say of no image that its ground truth counts'),
        ('segmentation', put('labels', None), 'lack labels of image 2'),
        ('segmentation', put('labels', [1, 2]), 'hold lists of other lengths than one for each class'),
        ('segmentation', put('unions', [None] * 10), 'hold NaN as unions of image 2'),
        ('depth', put('rmse', None), 'lack rmse of image 2'),
        ('depth', put('rmse', math.nan), 'hold NaN as rmse of image 2'),
        ('depth', put('depth_mean', 1.0), 'lack depth_mean of image 0'),
        ('depth', lambda rows: [row | NO_TRUTH for row in rows], 'say of no image'),
    ],
)
def test_what_is_refused(tmp_path, task, change, says):
    records = changed(tmp_path, task, 'embed', change)
    with pytest.raises(UserError, match=f'the records .*embed.parquet {says or "have image 0 2 times"}.*: make them'):
        records.contributions('embed')


@pytest.mark.parametrize(
    'task, change',
    [
        ('depth', lambda rows: [*rows[:3], rows[3] | NO_TRUTH]),
        ('depth', put('depth_mean', 1.0, None)),
        ('classification', put('loss_before', math.inf)),
        ('segmentation', put('quality', None)),
    ],
)
def test_what_may_be(tmp_path, task, change):
    assert np.isfinite(
        changed(tmp_path, task, 'embed', change)
        .contributions('embed')
        .values()['rmse' if task == 'depth' else 'accuracy' if task == 'classification' else 'mIoU']
    )


def test_clean_images_that_are_others(tmp_path):
    records = changed(tmp_path, 'classification', CLEAN, lambda rows: [row | dict(label=11) for row in rows])
    with pytest.raises(UserError, match='do not fit each other: records of index 0 are of different images'):
        _ = records.worst
