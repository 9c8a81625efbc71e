"""Per-image numbers, from which the stock metrics follow."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmpretrain.evaluation import Accuracy, ConfusionMatrix
from mmpretrain.structures import DataSample
from mmseg.evaluation import IoUMetric
from mmseg.structures import SegDataSample

from mmssl_robust.evaluation.depth_metric import DepthMetric
from mmssl_robust.tasks import TASKS, register_task, task_of_metric
from mmssl_robust.utils.errors import UserError


def record_by(metric):
    """What the metric's task records of a prediction."""
    task = task_of_metric(metric)
    return lambda sample: task.record(metric, sample)


CLASSES = ('road', 'sky', 'tree', 'car', 'never')


def stock(metric, samples, **meta):
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = meta
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def dense(**maps):
    sample = SegDataSample()
    for name, values in maps.items():
        setattr(sample, name, PixelData(data=values[None]))
    return sample


def test_accuracy_follows():
    samples = [
        DataSample().set_gt_label(index % 3).set_pred_score(torch.rand(3).softmax(0)).set_pred_label(0)
        for index in range(20)
    ]
    metric = Accuracy(topk=(1,))
    records = [record_by(metric)(sample) for sample in samples]
    share = np.mean([record['label'] == record['prediction'] for record in records])
    assert stock(metric, samples)['accuracy/top1'] == pytest.approx(100 * share)
    for record in records:
        assert (record['quality'] > 0) == (record['label'] == record['prediction'])


def test_quality_of_a_classification_is_the_margin():
    sample = DataSample().set_gt_label(1).set_pred_score(torch.tensor([0.5, 0.25, 0.25]))
    assert record_by(Accuracy())(sample) == dict(label=1, prediction=0, quality=-0.25)


def test_miou_follows():
    samples = []
    for _ in range(6):
        truth = torch.randint(0, 4, (8, 9))
        truth[0] = 255
        prediction = torch.where(torch.rand(8, 9) < 0.5, truth.clamp(max=3), torch.randint(0, 4, (8, 9)))
        samples.append(dense(pred_sem_seg=prediction, gt_sem_seg=truth))
    metric = IoUMetric()
    metric.dataset_meta = dict(classes=CLASSES)
    records = [record_by(metric)(sample) for sample in samples]
    columns = ('intersections', 'unions', 'labels')
    sums = {name: np.sum([record[name] for record in records], axis=0) for name in columns}
    with np.errstate(invalid='ignore'):
        iou = sums['intersections'] / sums['unions']
    expected = stock(metric, samples, classes=CLASSES)
    assert expected['mIoU'] == pytest.approx(100 * np.nanmean(iou), abs=0.0051)
    assert expected['aAcc'] == pytest.approx(100 * sums['intersections'].sum() / sums['labels'].sum(), abs=0.0051)
    assert records[0]['quality'] == pytest.approx(sum(records[0]['intersections']) / 63)


def test_an_image_without_a_labelled_pixel_has_no_quality():
    metric = IoUMetric()
    metric.dataset_meta = dict(classes=CLASSES)
    sample = dense(pred_sem_seg=torch.zeros(2, 2, dtype=torch.long), gt_sem_seg=torch.full((2, 2), 255))
    record = record_by(metric)(sample)
    assert record['quality'] is None
    assert sum(record['unions']) == 0
    assert record_by(DepthMetric())(dense(pred_depth_map=torch.ones(2, 2), gt_depth_map=torch.zeros(2, 2))) == {}


def test_depth_errors_follow():
    samples = []
    for _ in range(5):
        truth = torch.rand(6, 7) * 9 + 0.5
        truth[:, 0] = 0
        samples.append(dense(pred_depth_map=torch.rand(6, 7) * 9 + 0.5, gt_depth_map=truth))
    metric = DepthMetric()
    records = [record_by(metric)(sample) for sample in samples]
    for name, value in stock(metric, samples).items():
        assert value == pytest.approx(np.mean([record[name] for record in records]))
    assert records[0]['quality'] == -records[0]['rmse']
    valid = samples[0].gt_depth_map.data.squeeze(0).numpy()[:, 1:]  # of the first column nothing is known
    assert records[0]['depth_mean'] == pytest.approx(valid.mean())
    assert records[0]['depth_std'] == pytest.approx(valid.std())


def test_an_unknown_metric_is_refused():
    with pytest.raises(UserError, match='records know no ConfusionMatrix'):
        record_by(ConfusionMatrix())


def test_a_child_of_a_stock_metric_belongs_to_the_task_that_names_it():
    class Own(Accuracy):
        pass

    class OwnTask(type(task_of_metric(Accuracy()))):
        name, stock_metrics = 'own', ('Own',)

    assert task_of_metric(Own()).name == 'classification'
    register_task(OwnTask)
    try:
        assert task_of_metric(Own()).name == 'own' and task_of_metric(Accuracy()).name == 'classification'
    finally:
        del TASKS['own']
