"""Metrics of a data set from what single images add to them.

Every metric is a function of sums over images, as those of mmpretrain, mmseg and
:class:`~mmssl_robust.evaluation.depth_metric.DepthMetric` are.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

METRICS = {
    'classification': ('accuracy',),
    'segmentation': ('mIoU', 'aAcc', 'mAcc'),
    'depth': ('rmse', 'abs_rel', 'log10', 'delta1', 'delta2', 'delta3'),
}
"""Metrics of each task; the first is the one of the tables."""
PERCENT = {'accuracy', 'mIoU', 'aAcc', 'mAcc'}
LOWER_IS_BETTER = {'rmse', 'abs_rel', 'log10'}


@dataclass(frozen=True)
class Sample:
    """What images add to a data set's metrics.

    Attributes:
        task: Their task.
        index: (n,), indices of the images.
        parts: (n, k), summed over images by :meth:`metrics`.
    """

    task: str
    index: np.ndarray
    parts: np.ndarray

    def metrics(self, sums: np.ndarray) -> np.ndarray:
        """Metrics from sums of parts, (..., k) to (..., m) in the order of :data:`METRICS`."""
        if self.task == 'segmentation':
            return _overlap(sums)
        scale = 100 if self.task == 'classification' else 1
        return scale * ratio(sums[..., :-1], sums[..., -1:])

    def only(self, index: np.ndarray) -> 'Sample':
        """The images with these indices."""
        chosen = np.isin(self.index, index)
        return Sample(self.task, self.index[chosen], self.parts[chosen])

    def values(self) -> dict[str, float]:
        """The metrics."""
        return dict(zip(METRICS[self.task], self.metrics(self.parts.sum(axis=0)).tolist()))


def sample_of(records: pd.DataFrame, task: str) -> Sample:
    """Take from records what the task's metrics need.

    Args:
        records: Of one attack, with the columns of :data:`~mmssl_robust.benchmark.records.SCHEMA`.
        task: ``'classification'``, ``'segmentation'`` or ``'depth'``.

    Returns:
        The images; for depth those with a valid pixel.
    """
    if task == 'segmentation':
        names = ('intersections', 'unions', 'labels')
        columns = [np.stack(records[name]) if len(records) else np.empty((0, 1)) for name in names]
        return Sample(task, records['index'].to_numpy(), np.hstack(columns).astype(float))
    if task == 'classification':
        parts = (records['label'] == records['prediction']).to_numpy(float)[:, None]
    else:
        records = records[records['rmse'].notna()]
        parts = records[list(METRICS['depth'])].to_numpy(float)
    return Sample(task, records['index'].to_numpy(), np.column_stack([parts, np.ones(len(parts))]))


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return the quotients, NaN where the divisor is 0."""
    with np.errstate(invalid='ignore', divide='ignore'):
        return np.where(below > 0, above / below, np.nan)


def _overlap(sums: np.ndarray) -> np.ndarray:
    """What mmseg's IoUMetric says, in percent and not rounded: mIoU, aAcc, mAcc."""
    intersections, unions, labels = np.split(sums, 3, axis=-1)
    everything = ratio(intersections.sum(axis=-1), labels.sum(axis=-1))
    return 100 * np.stack(
        [_mean_of_known(ratio(intersections, unions)), everything, _mean_of_known(ratio(intersections, labels))],
        axis=-1,
    )


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))
