"""Multi-label classification: any number of classes for each image."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mmssl_robust.utils.errors import UserError

from .base import Column, Metric, Task
from .classes import name_of
from .contributions import Contributions
from .pictures import Example
from .worst_case import WorstCase

_THRESHOLD = 0.5
_BLOCK = 2**22  # numbers at a time
# What mmpretrain's metrics for VOC make of a class of which an image shows difficult objects alone; others know none.
_DIFFICULT = {None: -1, True: 1, False: 0}


class MultiLabel(Task):
    """Any number of classes for each image; the mAP, which ranks the images of the data set and is no mean over them.

    The quality of a prediction is the mean score of the image's true classes minus that of its false ones, where 0.5
    stands for the mean of none: 1 is perfect, 0 knows nothing, -1 is upside down. As in mmpretrain's metrics a class
    without a positive image counts as 0. Of equal scores that of the negative image counts as the higher one;
    mmpretrain's order is arbitrary there.

    Examples:
        >>> import pandas as pd
        >>> from mmssl_robust.tasks import MultiLabel
        >>> lists = dict(scores=[[0.9, 0.2], [0.8, 0.6]], labels=[[1, 0], [0, 1]])  # of two images, for two classes
        >>> records = pd.DataFrame(dict(index=[0, 1], **lists))
        >>> MultiLabel().contributions(records).values()  # at 0.5 one image too many is of the first class
        {'mAP': 100.0, 'precision': 75.0, 'recall': 100.0, 'F1': 83.3...}
    """

    name = 'multi-label'
    metrics = (
        Metric('mAP', 'mAP', '%', stock='multi-label/mAP'),
        Metric('precision', 'macro precision at 0.5', '%', stock='multi-label/precision'),
        Metric('recall', 'macro recall at 0.5', '%', stock='multi-label/recall'),
        Metric('F1', 'macro F1 at 0.5', '%', stock='multi-label/f1-score'),
    )
    columns = (
        Column('scores', 'list<float64>', 'for each class, its score in [0, 1]'),
        Column('labels', 'list<int64>', 'for each class, 1 where it is true, 0 where false, -1 if it does not count'),
    )
    truth = ('labels',)
    quality = 'mean score of the true classes minus that of the false ones'
    stock_metrics = ('AveragePrecision', 'MultiLabelMetric')
    attacks = ('embed', 'multilabel-pgd')
    strongest = 'multilabel-apgd'
    objective = 'MultiLabelObjective'
    outputs = 'labels'

    def record(self, metric: Any, sample: Any) -> dict[str, Any]:
        """Return scores, labels, and the difference of their means; None where no class counts."""
        scores = sample.pred_score.tolist()
        difficult = _DIFFICULT[getattr(metric, 'difficult_as_positive', False)]
        labels = labels_of(sample, len(scores), difficult)
        return dict(scores=scores, labels=labels, quality=_quality(np.array(scores), np.array(labels)))

    def contributions(self, records: pd.DataFrame) -> Contributions:
        """Return scores and labels side by side."""
        return Contributions(self, records['index'].to_numpy(), np.hstack([_stacked(records, name) for name in _PARTS]))

    def metric_values(self, parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return what mmpretrain's AveragePrecision and MultiLabelMetric say, in percent."""
        if not len(parts):
            return np.full((len(weights), len(self.metrics)), np.nan)
        scores, labels = np.split(parts, 2, axis=1)
        values = (average_precision(scores, labels, weights), *_at_threshold(scores, labels, weights))
        return 100 * np.stack([value.mean(axis=1) for value in values], axis=1)

    def worst(self, records: pd.DataFrame) -> WorstCase:
        """Choose by the mAP, which what is chosen for other images decides too.

        Of the lowest quality for each image, and each attack on all images, the one with the lowest mAP is taken. The
        bound is the mAP if an attacker could choose anew for each class.
        """
        if not len(records):
            return WorstCase(records)
        ordered = records.sort_values('index', kind='stable')
        images = ordered['index'].nunique()
        scores, labels = (_stacked(ordered, name).reshape(images, len(ordered) // images, -1) for name in _PARTS)
        quality = np.nan_to_num(ordered['quality'].to_numpy(float).reshape(images, -1))
        choices = [quality.argmin(axis=1), *(np.full(images, place) for place in range(quality.shape[1]))]
        everyone = np.arange(images)
        values = [self._map(scores[everyone, choice], labels[:, 0]) for choice in choices]
        rows = ordered.iloc[everyone * quality.shape[1] + choices[int(np.argmin(values))]]
        lowest = np.where(labels[:, 0] == 1, scores.min(axis=1), scores.max(axis=1))
        return WorstCase(rows, bound=self._map(lowest, labels[:, 0]))

    def _map(self, scores: np.ndarray, labels: np.ndarray) -> float:
        return float(100 * average_precision(scores, labels, np.ones((1, len(scores)))).mean())

    def example(self, clean: Any, attacked: Any) -> dict[str, Any]:
        """Return the true classes, and those of both predictions."""
        labels = labels_of(clean, len(clean.pred_score))
        return dict(
            facts=dict(
                true=[label for label, true in enumerate(labels) if true == 1],
                predicted=[sample.pred_label.tolist() for sample in (clean, attacked)],
            )
        )

    def captions(self, example: Example, info: Mapping[str, Any]) -> tuple[str, str, str]:
        """Return the names of the true classes, and of those of both predictions."""
        true, (before, after) = example.facts['true'], example.facts['predicted']
        return f'true: {_names(true, info)}', _names(before, info), _names(after, info)


_PARTS = tuple(column.name for column in MultiLabel.columns)


def labels_of(sample: Any, classes: int, difficult: int = -1) -> list[int]:
    """Return for each class whether it is true of an image: 1, 0, or -1 where that does not count.

    Args:
        sample: Sample of mmpretrain, with ``gt_score``, or indices of classes in ``gt_label``.
        classes: How many there are.
        difficult: What to say of a class that is in ``gt_label_difficult`` alone.

    Raises:
        UserError: If a label is none of the classes.
    """
    given = sample.gt_label.tolist() if 'gt_label' in sample else []
    unsure = set(sample.get('gt_label_difficult', ())) - set(given)
    if any(not 0 <= label < classes for label in (*given, *unsure)):
        raise UserError(f'labels {given}, but the model has {classes} classes: change num_classes of its head')
    labels = [int(label in given) for label in range(classes)]
    if 'gt_score' in sample:
        labels = [int(score) for score in sample.gt_score.tolist()]
    return [difficult if label in unsure else value for label, value in enumerate(labels)]


def average_precision(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the average precision of each class in resamples, 0 without a positive image.

    Args:
        scores: (n, K).
        labels: (n, K), 1, 0, or -1 for images that do not count.
        weights: (r, n), how often each image is in each resample, whole numbers.

    Returns:
        (r, K): the mean over positive images of the precision among what scores at least as high.
    """
    weights = weights.astype(np.int64)
    harmonic = np.append(0, np.cumsum(1 / np.arange(1, weights.sum(axis=1).max(initial=0) + 1)))
    block = max(1, _BLOCK // max(len(scores), 1))
    classes = [_ranking(*columns) for columns in zip(scores.T, labels.T)]
    found = [
        [_mean_precision(*ranking, weights[start : start + block], harmonic) for ranking in classes]
        for start in range(0, len(weights), block)
    ]
    return np.concatenate([np.stack(values, axis=1) for values in found])


def _ranking(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images that count from high to low scores, and the places of the positive ones; of equals the positive last."""
    counted = np.flatnonzero(labels >= 0)
    order = counted[np.lexsort((labels[counted], -scores[counted]))]
    return order, np.flatnonzero(labels[order] == 1)


def _mean_precision(order: np.ndarray, true: np.ndarray, weights: np.ndarray, harmonic: np.ndarray) -> np.ndarray:
    """Average precision (r,) of a class.

    The j-th copy of a positive image behind R images, F of them negative, has the precision (R + j - F) / (R + j). The
    sum over its w copies is w - F (H(R + w) - H(R)), H the harmonic numbers.
    """
    copies = weights[:, order[true]]
    ranks = weights[:, order].cumsum(axis=1)[:, true]  # of the last copy
    negative = ranks - copies.cumsum(axis=1)
    sums = (copies - negative * (harmonic[ranks] - harmonic[ranks - copies])).sum(axis=1)
    precision: np.ndarray = sums / copies.sum(axis=1).clip(min=1)
    return precision


def _at_threshold(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, ...]:
    """Precision, recall and F1 (r, K), each 0 where its divisor is."""
    predicted, true = (scores >= _THRESHOLD) & (labels >= 0), labels == 1
    right, said, there = (weights @ part.astype(float) for part in (predicted & true, predicted, true))
    return right / said.clip(min=1), right / there.clip(min=1), 2 * right / (said + there).clip(min=1)


def _quality(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """Mean score of the true classes minus that of the false ones."""
    if (labels < 0).all():
        return None
    true, false = (scores[labels == label] for label in (1, 0))
    return float((true.mean() if true.size else 0.5) - (false.mean() if false.size else 0.5))


def _stacked(records: pd.DataFrame, name: str) -> np.ndarray:
    return np.stack(list(records[name])).astype(float) if len(records) else np.empty((0, 1))


def _names(labels: list[int], info: Mapping[str, Any]) -> str:
    return ', '.join(name_of(label, info) for label in labels) or 'none'
