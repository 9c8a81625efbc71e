"""Overlaps by hand, in any order of the images, and without a label that counts."""

import random

import pytest
import torch
from mmengine.registry import DefaultScope

from mmssl_robust.evaluation.iou_metric import IoUMetric
from mmssl_robust.registry import METRICS
from mmssl_robust.utils.errors import UserError


def metric(classes=('a', 'b')):
    found = IoUMetric()
    found.dataset_meta = dict(classes=classes)
    return found


def sample(predicted, labels):
    predicted, labels = (torch.tensor([values], dtype=torch.int64) for values in (predicted, labels))
    return dict(pred_sem_seg=dict(data=predicted), gt_sem_seg=dict(data=labels))


def test_by_hand():
    found = metric()
    found.process({}, [sample([[0, 0, 1, 1]], [[0, 1, 1, 255]])])
    # Of class 0 one of two pixels, of class 1 one of two.
    assert found.compute_metrics(found.results) == dict(aAcc=66.67, mIoU=50.0, mAcc=75.0)


def test_sums_beyond_32_bits_do_not_depend_on_the_order():
    """In float32 a pixel more than 2 ** 24 is lost."""
    draw = random.Random(0)
    areas = [torch.tensor([2.0**24, 1.0]), *[torch.tensor([1.0, 2.0])] * 999]
    results = [(area, area + 1, area, area + 1) for area in (part.double() for part in areas)]
    found = metric()
    first = found.compute_metrics(results)
    for _ in range(3):
        draw.shuffle(results)
        assert found.compute_metrics(results) == first
    areas = found.intersect_and_union(torch.tensor([0, 1]), torch.tensor([0, 1]), 2, 255)
    assert {area.dtype for area in areas} == {torch.float64}


@pytest.mark.parametrize('scope', ['mmseg', 'mmssl_robust'])
def test_configs_get_this_one(scope):
    with DefaultScope.overwrite_default_scope(scope):
        assert type(METRICS.build(dict(type='IoUMetric'))) is IoUMetric
        assert type(METRICS.build(dict(type='mmseg.IoUMetric'))) is IoUMetric


def test_all_labels_are_ignored():
    found = metric()
    found.process({}, [sample([[0, 1]], [[255, 255]])] * 2)
    with pytest.raises(UserError, match='no image has a pixel whose label counts'):
        found.compute_metrics(found.results)
    found.process({}, [sample([[0, 1]], [[255, 0]])])
    assert found.compute_metrics(found.results)['aAcc'] == 100 * 0
