"""Means of metrics over several evaluations of the same images."""

import numpy as np
import pytest

from mmssl_robust.benchmark.statistics import compare, estimates
from mmssl_robust.tasks import Contributions, task_named
from mmssl_robust.tasks.contributions import averaged


def of_areas(index, right):
    """A segmentation of two classes with 10 pixels each, of which so many are right."""
    right = np.array(right)
    parts = np.hstack([right, 20 - right, np.full_like(right, 10)]).astype(float)
    return Contributions(task_named('segmentation'), np.array(index), parts)


def test_the_mean_of_a_metric_that_is_no_mean_over_images():
    several = [of_areas([0, 1], [[10, 10], [10, 10]]), of_areas([0, 1], [[5, 0], [0, 0]])]
    found = averaged(several)
    each = [one.values()['mIoU'] for one in several]
    assert found.values()['mIoU'] == pytest.approx(np.mean(each)) and each[0] == 100
    one = found.only(np.array([1]))
    assert one.values()['mIoU'] == pytest.approx((100 + 0) / 2)


def test_an_image_is_drawn_with_all_its_evaluations():
    """One image in all resamples: no width, however much its evaluations differ."""
    found = averaged([of_areas([3], [[10, 10]]), of_areas([3], [[0, 0]])])
    estimate = estimates(found, 20)['mIoU']
    assert estimate.images == 1 and estimate.value == 50
    assert np.isnan(estimate.low) or estimate.low == estimate.high == 50
    same = compare(found, found, 'difference', 20)['mIoU']
    assert same.value == 0


def test_other_images():
    with pytest.raises(ValueError, match='not the same images'):
        averaged([of_areas([0], [[1, 1]]), of_areas([1], [[1, 1]])])
