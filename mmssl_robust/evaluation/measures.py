"""What a prediction is worth, image by image, in the numbers from which a data set's own metric is computed."""

from collections.abc import Callable
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.structures import BaseDataElement
from mmpretrain.evaluation import Accuracy
from mmseg.evaluation import IoUMetric

from mmssl_robust.evaluation.depth_metric import DepthMetric
from mmssl_robust.utils.errors import UserError

MEASURED = (Accuracy, IoUMetric, DepthMetric)
"""Metrics that follow from what is recorded of single images."""
Measure = Callable[[BaseDataElement], dict[str, Any]]


def measure_of(metric: BaseMetric) -> Measure:
    """Choose what to record of each prediction, so that the metric follows from the records.

    Args:
        metric: ``Accuracy``, ``IoUMetric`` or ``DepthMetric``; an ``IoUMetric`` knows its ``dataset_meta``.

    Returns:
        A function from a prediction with its ground truth to the columns of
        :data:`~mmssl_robust.benchmark.records.SCHEMA` that belong to its task, and ``quality``.

    Raises:
        UserError: If records hold nothing for such a metric.
    """
    measure = dict(classification=_classified, segmentation=_segmented, depth=_depth)[task_of(metric)]
    return lambda sample: measure(metric, sample)


def task_of(metric: BaseMetric) -> str:
    """Return the task that a metric is for; arguments and errors as for :func:`measure_of`."""
    for kind, task in zip(MEASURED, ('classification', 'segmentation', 'depth')):
        if isinstance(metric, kind):
            return task
    raise UserError(f'records know no {type(metric).__name__}: use Accuracy, IoUMetric or DepthMetric')


def _classified(metric: Accuracy, sample: BaseDataElement) -> dict[str, Any]:  # noqa: ARG001
    scores, label = sample.pred_score.double(), int(sample.gt_label)
    others = scores.clone()
    others[label] = -1
    # The stock metric takes the arg max of the scores, which is the predicted label.
    return dict(label=label, prediction=int(scores.argmax()), quality=float(scores[label] - others.max()))


def _segmented(metric: IoUMetric, sample: BaseDataElement) -> dict[str, Any]:
    prediction = sample.pred_sem_seg.data.squeeze(0)
    truth = sample.gt_sem_seg.data.squeeze(0).to(prediction)
    areas = metric.intersect_and_union(prediction, truth, len(metric.dataset_meta['classes']), metric.ignore_index)
    intersections, unions, _, labels = ([round(area) for area in part.tolist()] for part in areas)
    pixels = sum(labels)
    quality = sum(intersections) / pixels if pixels else None
    return dict(intersections=intersections, unions=unions, labels=labels, quality=quality)


def _depth(metric: DepthMetric, sample: BaseDataElement) -> dict[str, Any]:
    errors = metric.errors_of(sample.to_dict())
    return {**errors, 'quality': -errors['rmse']} if errors else {}
