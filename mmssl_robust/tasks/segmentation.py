"""Semantic segmentation: one class for each pixel."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .base import Column, Metric, Task
from .contributions import Contributions, mean_of_known, ratio
from .dense import map_arrays, maps_of
from .pictures import Example, Picture
from .worst_case import WorstCase
from .worst_overlap import bound_of, greedy_choice

_AREAS = ('intersections', 'unions', 'labels')


class Segmentation(Task):
    """One class for each pixel; the mIoU, a ratio of sums over images and no mean over them.

    Examples:
        >>> import pandas as pd
        >>> from mmssl_robust.tasks import Segmentation
        >>> areas = dict(intersections=[[6, 0]], unions=[[8, 2]], labels=[[6, 2]])  # pixels of two classes in one image
        >>> records = pd.DataFrame(dict(index=[0], **areas))
        >>> task = Segmentation()
        >>> task.contributions(records).values()  # IoU 6/8 and 0; 6 of 8 pixels are right
        {'mIoU': 37.5, 'aAcc': 75.0, 'mAcc': 50.0}
    """

    name = 'segmentation'
    metrics = (
        Metric('mIoU', 'mIoU', '%'),
        Metric('aAcc', 'pixel accuracy', '%'),
        Metric('mAcc', 'mean class accuracy', '%'),
    )
    columns = (
        Column('intersections', 'list<int64>', 'for each class, pixels that are it and predicted so'),
        Column('unions', 'list<int64>', 'for each class, pixels that are it or predicted so'),
        Column('labels', 'list<int64>', 'for each class, pixels that are it'),
    )
    truth = ('labels',)
    quality = 'pixel accuracy'
    stock_metrics = ('IoUMetric',)
    attacks = ('embed', 'segpgd')
    strongest = 'sea'
    objective = 'SegmentationObjective'
    outputs = 'classes'
    targeted = 'TargetedCrossEntropy'
    sanity_images = 1
    per_pixel = True

    def record(self, metric: Any, sample: Any) -> dict[str, Any]:
        """Return the areas of each class; the quality is the pixel accuracy, None without a labelled pixel."""
        prediction = sample.pred_sem_seg.data.squeeze(0)
        truth = sample.gt_sem_seg.data.squeeze(0).to(prediction)
        classes = len(metric.dataset_meta['classes'])
        areas = metric.intersect_and_union(prediction, truth, classes, metric.ignore_index)
        intersections, unions, _, labels = ([round(area) for area in part.tolist()] for part in areas)
        pixels = sum(labels)
        quality = sum(intersections) / pixels if pixels else None
        return dict(intersections=intersections, unions=unions, labels=labels, quality=quality)

    def is_consistent(self, records: pd.DataFrame) -> pd.Series:
        """Whether the areas of each class can be, and give the quality."""
        if not len(records):
            return super().is_consistent(records)
        intersections, unions, labels = (np.stack(list(records[name])) for name in _AREAS)
        possible = ((intersections >= 0) & (intersections <= labels) & (labels <= unions)).all(axis=1)
        accuracy = ratio(intersections.sum(axis=1), labels.sum(axis=1))
        same = np.isclose(accuracy, records['quality'].to_numpy(float), atol=1e-6, equal_nan=True)
        return pd.Series(possible & same, index=records.index)

    def contributions(self, records: pd.DataFrame) -> Contributions:
        """Return the three kinds of areas side by side."""
        parts = [np.stack(list(records[name])) if len(records) else np.empty((0, 1)) for name in _AREAS]
        return Contributions(self, records['index'].to_numpy(), np.hstack(parts).astype(float))

    def metric_values(self, parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return what mmseg's IoUMetric says, in percent and not rounded."""
        intersections, unions, labels = np.split(weights @ parts, 3, axis=-1)
        everything = ratio(intersections.sum(axis=-1), labels.sum(axis=-1))
        overlap, classwise = ratio(intersections, unions), ratio(intersections, labels)
        return 100 * np.stack([mean_of_known(overlap), everything, mean_of_known(classwise)], axis=-1)

    def chance(self, records: pd.DataFrame) -> float | None:
        """Return the mIoU, in percent, if all pixels were said to be of the most frequent class."""
        areas = np.stack(list(records['labels'])).sum(axis=0)
        # It is over the classes that occur, of which all but one are missed.
        return 100 * float(areas.max() / areas.sum() / (areas > 0).sum())

    def worst(self, records: pd.DataFrame) -> WorstCase:
        """Choose by the mIoU, which what is chosen for other images decides too.

        The choice begins with the lowest pixel accuracies and changes one image at a time, pass after pass, until
        nothing lowers the mIoU.
        """
        if not len(records):
            return WorstCase(records)
        ordered = records.sort_values('index', kind='stable')
        images = ordered['index'].nunique()
        parts = [np.stack(list(ordered[name])).reshape(images, -1, len(ordered[name].iloc[0])) for name in _AREAS[:2]]
        areas = np.stack(parts).astype(float)  # (2, images, attacks, classes)
        quality = ordered['quality'].to_numpy(float).reshape(images, -1)
        choice = greedy_choice(areas, np.nan_to_num(quality, nan=0.0).argmin(axis=1))
        rows = ordered.iloc[np.arange(images) * quality.shape[1] + choice]
        return WorstCase(rows, bound=100 * bound_of(areas))

    def example(self, clean: Any, attacked: Any) -> dict[str, Any]:
        """Return both predictions and the ground truth, 255 where it is unlabelled."""
        return map_arrays(clean, attacked, 'pred_sem_seg', 'gt_sem_seg')

    def pictures(self, example: Example, info: Mapping[str, Any]) -> list[Picture]:
        """Return the label maps."""
        return [Picture(title, labels.astype(int), 'labels') for title, labels in maps_of(example).items()]
