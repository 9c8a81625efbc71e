"""Means over images are the same to the last digit in whatever order processes hand the images over."""

import random

import pytest

from mmssl_robust.evaluation.depth_metric import DepthMetric
from mmssl_robust.evaluation.embedding_metric import EmbeddingMetric
from mmssl_robust.evaluation.retrieval_metric import RetrievalMetric
from mmssl_robust.tasks import task_named

NUMBERS = {
    DepthMetric: task_named('depth').metric_names,
    EmbeddingMetric: task_named('embedding').metric_names,
    RetrievalMetric: ('recall_at_1', 'recall_at_5', 'mAP'),
}


@pytest.mark.parametrize('metric', NUMBERS)
def test_means(metric):
    draw = random.Random(0)
    results = [{name: draw.random() * 10 ** draw.randint(-8, 8) for name in NUMBERS[metric]} for _ in range(99)]
    found = []
    for _ in range(5):
        draw.shuffle(results)
        found.append(metric().compute_metrics(results))
    assert len(found[0]) >= 3 and all(other == found[0] for other in found)
