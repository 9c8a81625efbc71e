"""What is predicted for the pixels of a patch counts neither in the loss, nor in the metric, nor in records."""

import numpy as np
import pandas as pd
import pytest
import torch
from mmengine.evaluator import Evaluator
from toys import (
    CLASSES,
    build,
    classification_batch,
    classifier_cfg,
    depth_batch,
    depth_estimator_cfg,
    segmentation_batch,
    segmentor_cfg,
)

from mmssl_robust.attacks import Patch, TaskLoss
from mmssl_robust.benchmark.record_sink import RecordSink
from mmssl_robust.evaluation.depth_metric import DepthMetric
from mmssl_robust.evaluation.iou_metric import IoUMetric
from mmssl_robust.evaluation.robust_evaluation import RobustEvaluation
from mmssl_robust.evaluation.walk import AttackRun, walk
from mmssl_robust.tasks import task_named
from mmssl_robust.victims import build_victim

SIZES = ((20, 12), (40, 24), (31, 23))  # of the input, padded to 24 x 16, and of the ground truths
CASES = {
    'segmentation': (segmentor_cfg(), segmentation_batch(*SIZES), 'gt_sem_seg', 255),
    'depth': (depth_estimator_cfg(), depth_batch(*SIZES), 'gt_depth_map', 0),
}
ATTACK = dict(type='Patch', objective=dict(type='TaskLoss'), eps=0.1, steps=3, step_size=0.3)


def metric_of(task):
    metric = IoUMetric() if task == 'segmentation' else DepthMetric()
    metric.dataset_meta = dict(classes=tuple('abcd'))
    return metric


def covered_by(region, size):
    """Which places of a map of this size touch a region (H, W) of an image, place by place."""
    rows, columns = region.shape
    found = np.zeros(size, bool)
    for y in range(size[0]):
        for x in range(size[1]):
            top, bottom = y * rows // size[0], -(-(y + 1) * rows // size[0])
            left, right = x * columns // size[1], -(-(x + 1) * columns // size[1])
            found[y, x] = region[top:bottom, left:right].any()
    return found


@pytest.mark.parametrize('task', CASES)
def test_loss_metric_records_and_clean_comparison_are_outside(task, tmp_path):
    cfg, batch, annotation, nothing = CASES[task]
    model, metric = build(cfg), metric_of(task)
    attack = Patch(TaskLoss(), eps=0.1, steps=3, step_size=0.3)
    clean, run = walk(model, dict(batch), dict(patch=attack))
    assert isinstance(run, AttackRun) and run.outside
    sink = RecordSink(task_named(task), metric, tmp_path)
    sink.add(clean)
    sink.take()
    sink.add(run)
    records = pd.DataFrame(sink.take()).set_index(['index', 'member'])
    for place, (before, attacked) in enumerate(zip(clean.clean, run.predictions)):
        rows, columns = clean.victim.sizes[place]
        truth = before.get(annotation).data[0].numpy().copy()
        truth[covered_by(run.result.region[place, 0, :rows, :columns].numpy(), truth.shape)] = nothing
        for member, sample in (('clean', run.clean[place]), ('outside', attacked)):
            assert np.array_equal(sample.get(annotation).data[0].numpy(), truth)
            known = (truth != nothing) & (truth > 0 if task == 'depth' else True)
            found = records.loc[(clean.victim.keys[place], member), 'quality']
            if task == 'depth':
                errors = sample.pred_depth_map.data[0].clamp(1e-3, 10).numpy() - truth
                assert found == pytest.approx(-np.sqrt(np.square(errors[known]).mean()), rel=1e-5)
            else:
                assert found == pytest.approx((sample.pred_sem_seg.data[0].numpy() == truth)[known].mean())
        if task == 'segmentation':  # the attack's own score is the same measure
            assert float(run.result.score[place]) == pytest.approx(found)
        pixels = clean.victim.pixels[place]
        assert torch.equal(run.result.adv[place][:, rows:], pixels[:, rows:])
        # The samples that the data loader gave stay as they are.
        assert not np.array_equal(clean.clean[place].get(annotation).data[0].numpy(), truth)


@pytest.mark.parametrize('task', CASES)
def test_an_evaluation_says_both(task):
    cfg, batch, *_ = CASES[task]
    evaluator = Evaluator(metric_of(task))
    evaluator.dataset_meta = dict(classes=tuple('abcd')[:CLASSES])
    evaluation = RobustEvaluation(evaluator, dict(patch=ATTACK))
    evaluation.process(build(cfg), dict(batch))
    metrics = evaluation.finish()
    name = 'aAcc' if task == 'segmentation' else 'rmse'
    assert {name, f'patch/{name}', f'patch/clean/{name}'} <= set(metrics)
    assert evaluation.summary['outside'] == ['patch/clean'] and evaluation.summary['worst'] == []
    assert metrics[f'patch/clean/{name}'] != metrics[name]
    changes = evaluation.summary['attacks']['patch']
    qualities = [pd.DataFrame(evaluation.records[label])['quality'] for label in ('patch/clean', 'patch')]
    assert changes['fell'] == (qualities[1] < qualities[0]).sum()


def test_a_class_has_no_place():
    victim = build_victim(build(classifier_cfg()), classification_batch((16, 16), (16, 16)))
    result = victim.attack(Patch(TaskLoss(), eps=0.1, steps=2))
    assert victim.outside(result.region) is victim and result.region.any()
