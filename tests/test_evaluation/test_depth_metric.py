"""Depth errors by hand, the crop of Eigen et al., and the mean over images."""

import math

import pytest
import torch
from mmengine.evaluator import Evaluator

from mmssl_robust.evaluation.depth_metric import DepthMetric
from mmssl_robust.utils.errors import UserError


def sample(pred, target):
    pred, target = (torch.as_tensor(values, dtype=torch.float32).unsqueeze(0) for values in (pred, target))
    return dict(pred_depth_map=dict(data=pred), gt_depth_map=dict(data=target))


def evaluate(*samples, **kwargs):
    metric = DepthMetric(**kwargs)
    metric.process(None, samples)
    return metric.compute_metrics(metric.results)


def test_by_hand():
    # Factors 1, 1.5, 2 and, as 0 is a missing depth, nothing for the last pixel.
    metrics = evaluate(sample([[2.0, 3.0, 2.0, 9.0]], [[2.0, 2.0, 4.0, 0.0]]))
    assert metrics == pytest.approx(
        dict(
            rmse=math.sqrt((0 + 1 + 4) / 3),
            abs_rel=(0 + 1 / 2 + 2 / 4) / 3,
            log10=(math.log10(1.5) + math.log10(2)) / 3,
            delta1=1 / 3,  # below 1.25
            delta2=2 / 3,  # below 1.5625
            delta3=2 / 3,  # below 1.953125
        ),
        rel=1e-6,
    )


def test_each_image_weighs_the_same():
    one, many = sample([[2.0, 5.0]], [[1.0, 0.0]]), sample([[4.0, 4.0]], [[1.0, 1.0]])
    assert evaluate(one, many)['rmse'] == pytest.approx((1 + 3) / 2)


def test_an_image_without_depth_does_not_count():
    assert evaluate(sample([[2.0]], [[1.0]]), sample([[2.0]], [[0.0]]))['rmse'] == pytest.approx(1)
    with pytest.raises(UserError, match='no image has a valid depth'):
        evaluate(sample([[2.0]], [[0.0]]))


def test_range_of_targets_and_predictions():
    # 10 m is out of range; 20 m counts as 10 m, -1 m as 1 mm.
    metrics = evaluate(sample([[20.0, -1.0, 5.0]], [[9.0, 1.0, 10.0]]))
    assert metrics['rmse'] == pytest.approx(math.sqrt((1 + 0.999**2) / 2), rel=1e-6)
    assert math.isfinite(metrics['log10'])


def test_eigen_crop():
    target = torch.ones(480, 640)
    pred = torch.full((480, 640), 4.0)
    pred[45:471, 41:601] = 2.0
    assert evaluate(sample(pred, target), crop='eigen')['rmse'] == pytest.approx(1)
    for row, column in ((45, 41), (470, 600)):  # the corners belong to it
        wrong = pred.clone()
        wrong[row, column] = 9.0
        assert evaluate(sample(wrong, target), crop='eigen')['rmse'] > 1
    assert evaluate(sample(pred, target))['rmse'] > 1


@pytest.mark.parametrize('kwargs', [dict(crop='eigen'), dict(crop='garg')])
def test_a_crop_that_cannot_be(kwargs):
    with pytest.raises(UserError, match='crop'):
        evaluate(sample([[1.0]], [[1.0]]), **kwargs)


def test_built_from_a_config():
    evaluator = Evaluator(dict(type='mmssl_robust.DepthMetric', prefix='near', max_depth=5.0))
    evaluator.process([sample([[2.0, 2.0]], [[1.0, 6.0]])])
    assert evaluator.evaluate(1)['near/rmse'] == pytest.approx(1)
