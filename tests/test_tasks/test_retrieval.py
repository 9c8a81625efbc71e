"""Numbers of a ranking: closed forms, mmpretrain's metrics, and what follows from the records."""

import numpy as np
import pandas as pd
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpretrain.evaluation import RetrievalAveragePrecision, RetrievalRecall
from mmpretrain.structures import DataSample

from mmssl_robust.building import build_attack
from mmssl_robust.evaluation.retrieval_metric import RetrievalMetric
from mmssl_robust.models.heads import RetrievalHead
from mmssl_robust.presets import load_preset
from mmssl_robust.targeted import targeted
from mmssl_robust.tasks import TASKS, Example, fallen_and_risen, task_named, task_of_metric, worst_of
from mmssl_robust.utils.errors import UserError

RETRIEVAL = task_named('retrieval')
CLASSES = 5


def ranked(ranks, label=1, similarities=(0.5, 0.75, -1.0)):
    sample = DataSample().set_gt_label(label)
    sample.ranks, sample.similarities = torch.tensor(ranks, dtype=torch.int64), torch.tensor(similarities)
    return sample


def predictions(queries=30, gallery=40):
    """Rankings of a random gallery, with its cosines and labels."""
    head = RetrievalHead(num_classes=CLASSES)
    head.fit(torch.randn(gallery, 8), torch.arange(gallery) % CLASSES)
    features = torch.randn(queries, 8)
    samples = head.predict((features,), [DataSample().set_gt_label(index % CLASSES) for index in range(queries)])
    return samples, head.cosines((features,)), head.labels


def evaluate(metric, samples):
    evaluator = Evaluator(metric)
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


@pytest.mark.parametrize(
    'ranks, precision, recalls',
    [
        ([1, 2, 3], 1.0, (True, True)),  # all that are relevant come first
        ([1, 3, 6], (1 / 1 + 2 / 3 + 3 / 6) / 3, (True, True)),
        ([5], 1 / 5, (False, True)),
        ([6, 7], (1 / 6 + 2 / 7) / 2, (False, False)),
    ],
)
def test_average_precision_and_recall_of_a_ranking(ranks, precision, recalls):
    record = RETRIEVAL.record(RetrievalMetric(), ranked(ranks))
    assert record['mAP'] == pytest.approx(precision)
    assert (record['recall_at_1'], record['recall_at_5']) == recalls
    assert (record['label'], record['neighbour'], record['quality']) == (1, 1, 0.25)


def test_average_precision_is_the_area_of_precision_over_recall():
    """Step by step down the ranking, as scikit-learn defines it: the sum of (R_n - R_(n-1)) P_n."""
    samples, cosines, labels = predictions()
    for sample, own in zip(samples, cosines.tolist()):
        relevant = [labels[place] == sample.gt_label for place in sorted(range(len(own)), key=lambda i: -own[i])]
        hits, area = 0, 0.0
        for seen, hit in enumerate(relevant, 1):
            hits += bool(hit)
            area += bool(hit) / sum(relevant) * hits / seen
        assert RETRIEVAL.record(RetrievalMetric(), sample)['mAP'] == pytest.approx(float(area))


def test_equals_the_metrics_of_mmpretrain():
    samples, cosines, labels = predictions()
    stock = [
        DataSample().set_pred_score(own).set_gt_label(0).set_gt_score((labels == sample.gt_label).float())
        for own, sample in zip(cosines, samples)
    ]
    found = evaluate(RetrievalMetric(), samples)
    recalls = evaluate(RetrievalRecall(topk=(1, 5)), stock)
    precision = evaluate(RetrievalAveragePrecision(topk=len(labels)), stock)
    for k in (1, 5):
        assert found[f'Recall@{k}'] == pytest.approx(recalls[f'retrieval/Recall@{k}'])
    assert found['mAP'] == pytest.approx(precision[f'retrieval/mAP@{len(labels)}'])


def test_the_metric_follows_from_the_records():
    samples, *_ = predictions()
    metric = RetrievalMetric()
    assert task_of_metric(metric) is RETRIEVAL
    records = pd.DataFrame([dict(index=i, **RETRIEVAL.record(metric, sample)) for i, sample in enumerate(samples)])
    values = RETRIEVAL.contributions(records).values()
    stock = evaluate(metric, samples)
    for own in RETRIEVAL.metrics:
        assert values[own.name] == pytest.approx(stock[own.stock_name])
    assert set(records) == {'index', 'quality', *(column.name for column in RETRIEVAL.columns)}
    right = RETRIEVAL.is_right(records)
    assert right.equals(records['recall_at_1']) and right.equals(records['quality'] > 0)
    assert 0 < right.mean() < 1


def test_a_query_without_a_relevant_image_stays_out():
    metric, alone = RetrievalMetric(), ranked([], label=2)
    assert RETRIEVAL.record(metric, alone) == {}
    assert evaluate(metric, [alone, ranked([1])]) == evaluate(metric, [ranked([1])])
    second = RETRIEVAL.record(metric, ranked([2], similarities=(1, 0, 0)))
    records = pd.DataFrame([dict(index=0), dict(index=1, **second)])
    values = RETRIEVAL.contributions(records).values()
    assert (values['recall_at_1'], values['recall_at_5'], values['mAP']) == (0, 100, 50)
    assert RETRIEVAL.is_right(records).tolist() == [False, False]
    with pytest.raises(UserError, match='no query has an image of its class in the gallery'):
        evaluate(metric, [alone])


def test_predictions_that_are_no_rankings_are_refused():
    sample = DataSample().set_gt_label(0).set_pred_score(torch.ones(3) / 3)
    with pytest.raises(UserError, match='give the config mmssl_robust.RetrievalHead'):
        RETRIEVAL.record(RetrievalMetric(), sample)


def test_the_worst_case_is_that_of_recall_at_1():
    rows = [  # index, label, neighbour, recall_at_1, recall_at_5, mAP, quality
        (0, 1, 1, True, True, 0.2, 0.1),
        (0, 1, 2, False, True, 0.9, -0.1),
        (1, 3, 3, True, True, 0.8, 0.3),
        (1, 3, 3, True, True, 0.7, 0.2),
    ]
    columns = ['index', 'label', 'neighbour', 'recall_at_1', 'recall_at_5', 'mAP', 'quality']
    records = pd.DataFrame(rows, columns=columns)
    values = RETRIEVAL.contributions(worst_of(records, RETRIEVAL).records).values()
    assert (values['recall_at_1'], values['mAP']) == pytest.approx((50, 80))
    assert fallen_and_risen(RETRIEVAL, records[::2], records[1::2]) == (1, 0)


def test_words_beside_a_picture():
    facts = RETRIEVAL.example(ranked([1]), ranked([2], similarities=(0.875, 0.75, -1.0)))
    pixels = np.zeros((2, 2, 3))
    example = Example(0, 'a.png', 'pgd', 'retrieval', 0.25, -0.1, pixels, pixels, **facts)
    assert RETRIEVAL.captions(example, dict(classes=['cat', 'dog', 'ship'])) == (
        'true: dog',
        'nearest dog 0.75',
        'nearest cat 0.88',
    )
    assert RETRIEVAL.pictures(example, {}) == []


def test_tasks_of_one_objective_have_one_targeted_form():
    found = {}
    for task in TASKS.values():
        assert found.setdefault(task.objective, task.targeted) == task.targeted
    attack = build_attack(targeted(load_preset('pgd')))
    assert type(attack.objective).__name__ == RETRIEVAL.targeted
