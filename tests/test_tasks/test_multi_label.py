"""Multi-label classification: its numbers are mmpretrain's, of resamples too; its worst case lies above its bound."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from mmpretrain.evaluation import AveragePrecision, MultiLabelMetric, VOCAveragePrecision, VOCMultiLabelMetric
from mmpretrain.structures import DataSample

from mmssl_robust.benchmark.statistics import compare, estimates
from mmssl_robust.tasks import Example, task_named, task_of_metric, worst_of
from mmssl_robust.tasks.multi_label import average_precision, labels_of
from mmssl_robust.utils.errors import UserError
from mmssl_robust.visualization.drawing import draw_example

ROOT = Path(__file__).parents[2]
TASK = task_named('multi-label')


def random_labels(rng, images, classes, ignored=0.0):
    labels = (rng.random((images, classes)) < 0.3).astype(int)
    labels[:, -1] = 0  # a class without a positive image
    return np.where(rng.random(labels.shape) < ignored, -1, labels)


def table_of(scores, labels, quality=None):
    quality = np.zeros(len(scores)) if quality is None else quality
    return pd.DataFrame(dict(index=range(len(scores)), scores=list(scores), labels=list(labels), quality=list(quality)))


def values_of(scores, labels):
    return TASK.contributions(table_of(scores, labels)).values()


def stock(metric, samples):
    metric.process(None, [sample.to_dict() for sample in samples])
    return {f'multi-label/{name}': value for name, value in metric.compute_metrics(metric.results).items()}


def test_average_precision_by_hand():
    scores = np.array([0.9, 0.8, 0.7, 0.6])[:, None]
    weights = np.array([[1, 1, 1, 1], [2, 1, 0, 1], [0, 3, 2, 1]])
    found = average_precision(scores, np.array([1, 0, 1, 0])[:, None], weights)
    assert found[:, 0] == pytest.approx([(1 + 2 / 3) / 2, 1, (1 / 4 + 2 / 5) / 2])
    # Of equal scores the negative image counts as the higher one, whichever comes first.
    for labels in ([1, 0], [0, 1]):
        assert average_precision(np.ones((2, 1)), np.array(labels)[:, None], np.ones((1, 2))) == 0.5


@pytest.mark.parametrize('ignored', [0, 0.2])
def test_metrics_are_those_of_mmpretrain(ignored):
    rng = np.random.default_rng(0)
    scores, labels = rng.random((60, 5), np.float32), random_labels(rng, 60, 5, ignored)
    samples = [
        DataSample().set_pred_score(torch.from_numpy(score)).set_gt_score(torch.from_numpy(label))
        for score, label in zip(scores, labels)
    ]
    expected = stock(AveragePrecision(), samples) | stock(MultiLabelMetric(thr=0.5), samples)
    records = [TASK.record(AveragePrecision(), sample) for sample in samples]
    found = values_of([record['scores'] for record in records], [record['labels'] for record in records])
    assert {metric.stock_name: found[metric.name] for metric in TASK.metrics} == pytest.approx(expected, rel=1e-5)
    assert average_precision(scores, labels, np.ones((1, 60)))[0, -1] == 0
    assert np.sign(labels).min() == (-1 if ignored else 0)


@pytest.mark.parametrize('positive', [None, True, False])
def test_difficult_labels_are_those_of_mmpretrain(positive):
    rng = np.random.default_rng(1)
    samples = []
    for _ in range(40):
        sample = DataSample(metainfo=dict(gt_label_difficult=rng.choice(5, 2, replace=False).tolist()))
        score = torch.from_numpy(rng.random(5, np.float32))
        samples.append(sample.set_pred_score(score).set_gt_label(rng.choice(5, 2, replace=False)))
    metric, other = (
        VOCAveragePrecision(difficult_as_positive=positive),
        VOCMultiLabelMetric(thr=0.5, difficult_as_positive=positive),
    )
    records = [TASK.record(metric, sample) for sample in samples]
    found = values_of([record['scores'] for record in records], [record['labels'] for record in records])
    expected = stock(metric, samples) | stock(other, samples)
    assert {metric.stock_name: found[metric.name] for metric in TASK.metrics} == pytest.approx(expected, rel=1e-5)


def test_an_image_that_is_drawn_twice_counts_twice(monkeypatch):
    rng = np.random.default_rng(2)
    scores, labels = rng.random((30, 4)), random_labels(rng, 30, 4, 0.1)
    weights = rng.multinomial(30, np.full(30, 1 / 30), 7)
    parts = TASK.contributions(table_of(scores, labels)).parts
    found = TASK.metric_values(parts, weights)
    for values, counts in zip(found, weights):
        repeated = values_of(np.repeat(scores, counts, axis=0), np.repeat(labels, counts, axis=0))
        assert dict(zip(TASK.metric_names, values)) == pytest.approx(repeated)
    monkeypatch.setattr('mmssl_robust.tasks.multi_label._BLOCK', 60)
    np.testing.assert_array_equal(TASK.metric_values(parts, weights), found)


def test_the_order_of_images_is_no_matter():
    rng = np.random.default_rng(3)
    scores, labels = rng.integers(0, 4, (30, 4)) / 3, random_labels(rng, 30, 4)
    order = rng.permutation(30)
    assert values_of(scores, labels) == pytest.approx(values_of(scores[order], labels[order]))


def test_intervals_hold_the_value():
    rng = np.random.default_rng(4)
    labels = random_labels(rng, 80, 3)
    before, after = (
        TASK.contributions(table_of(np.clip(skill * labels + rng.random((80, 3)), 0, 1), labels)) for skill in (0.4, 0)
    )
    for estimate in estimates(before, resamples=200).values():
        assert estimate.low < estimate.value < estimate.high
    difference = compare(before, after, resamples=200)['mAP']
    assert difference.high < 0 and difference.value == pytest.approx(after.values()['mAP'] - before.values()['mAP'])


def test_without_an_image_nothing_is_known():
    assert np.isnan(list(TASK.contributions(table_of([], [])).values().values())).all()


@pytest.mark.parametrize(
    ('labels', 'quality'),
    [([1, 1, 0], 0.6 - 0.25), ([1, 1, 1], 1.45 / 3 - 0.5), ([0, 0, 0], 0.5 - 1.45 / 3), ([-1, 1, -1], -0.1)],
)
def test_quality_is_the_difference_of_the_means(labels, quality):
    sample = DataSample().set_pred_score(torch.tensor([0.8, 0.4, 0.25])).set_gt_score(torch.tensor(labels))
    assert TASK.record(AveragePrecision(), sample)['quality'] == pytest.approx(quality)


def test_without_a_class_that_counts_there_is_no_quality():
    sample = DataSample().set_pred_score(torch.tensor([0.5, 0.5])).set_gt_score(torch.tensor([-1, -1]))
    assert TASK.record(AveragePrecision(), sample)['quality'] is None


def test_labels_of_a_sample():
    assert labels_of(DataSample().set_gt_label([0, 2]), 4) == [1, 0, 1, 0]
    assert labels_of(DataSample().set_gt_label([]), 2) == [0, 0]
    assert labels_of(DataSample().set_gt_score([1, 0, -1]), 3) == [1, 0, -1]
    difficult = DataSample(metainfo=dict(gt_label_difficult=[0, 1])).set_gt_label([0])
    assert labels_of(difficult, 3) == [1, -1, 0]
    with pytest.raises(UserError, match=r'labels \[2\], but the model has 2 classes'):
        labels_of(DataSample().set_gt_label([2]), 2)


@pytest.mark.parametrize('seed', range(6))
def test_the_worst_case_lies_between_the_best_attack_and_the_bound(seed):
    rng = np.random.default_rng(seed)
    labels = random_labels(rng, 5, 3)
    tables = [table_of(rng.random((5, 3)), labels, quality=rng.random(5)) for _ in range(3)]
    mean_ap = lambda table: TASK.contributions(table).values()['mAP']  # noqa: E731
    worst = worst_of(pd.concat(tables), TASK)
    every = itertools.product(*zip(*(list(table.iloc) for table in tables)))
    lowest = min(mean_ap(pd.DataFrame(list(rows))) for rows in every)
    assert worst.records['index'].tolist() == list(range(5))
    assert worst.bound - 1e-9 <= lowest <= mean_ap(worst.records) <= min(map(mean_ap, tables)) + 1e-9


def test_the_bound_is_reached_where_one_attack_is_worst_for_all():
    labels = np.array([[1, 0], [0, 1], [1, 0]])
    tables = [table_of(labels * 1.0, labels, quality=[1] * 3), table_of(1 - labels, labels, quality=[-1] * 3)]
    worst = worst_of(pd.concat(tables), TASK)
    assert worst.bound == TASK.contributions(worst.records).values()['mAP'] < 50


def test_captions_name_the_classes():
    clean = DataSample().set_gt_label([0, 2]).set_pred_score([0.9, 0.1, 0.2]).set_pred_label([0])
    attacked = DataSample().set_gt_label([0, 2]).set_pred_score([0.1, 0.1, 0.2]).set_pred_label([])
    image = np.zeros((2, 2, 3))
    example = Example(0, 'a.png', 'pgd', TASK.name, 0.4, 0.1, image, image, **TASK.example(clean, attacked))
    info = dict(classes=['sky', 'tree', 'car'])
    assert TASK.captions(example, info) == ('true: sky, car', 'sky', 'none')
    assert TASK.pictures(example, info) == []


def test_many_names_are_no_wider_than_the_picture():
    sample = DataSample().set_gt_label(range(9)).set_pred_score([0.9] * 9).set_pred_label(range(9))
    image = np.zeros((2, 2, 3))
    example = Example(0, 'a.png', 'pgd', TASK.name, 0.4, 0.1, image, image, **TASK.example(sample, sample))
    figure = draw_example(example, dict(classes=[f'pedestrian {label}' for label in range(9)]))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0].replace('\n', ' ').count('pedestrian') == 18
    assert max(len(line) for title in titles for line in title.splitlines()) <= 48


def test_metrics_belong_to_the_task():
    for metric in (AveragePrecision(), MultiLabelMetric(thr=0.5), VOCAveragePrecision(), VOCMultiLabelMetric(thr=0.5)):
        assert task_of_metric(metric) is TASK


def test_it_is_imported_without_pytorch_and_openmmlab():
    code = 'import sys, mmssl_robust.tasks.multi_label; print(*sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {'torch', 'mmengine', 'mmcv', 'mmpretrain', 'mmseg'} & set(done.stdout.split())
