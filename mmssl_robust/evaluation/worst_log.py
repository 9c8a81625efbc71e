"""The worst case over several attacks, in the course of an evaluation."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from mmengine.dist import all_gather_object
from mmengine.evaluator import BaseMetric
from mmengine.structures import BaseDataElement

from mmssl_robust.evaluation.measures import measure_of, task_of
from mmssl_robust.evaluation.worst_case import worst_of


class WorstLog:
    """For each image the worst prediction of some attacks, and what the metric needs to know of the others.

    Args:
        metric: The data set's, see :func:`~mmssl_robust.evaluation.measures.measure_of`.
        runs: Names of the attacks among which to choose.
    """

    def __init__(self, metric: BaseMetric, runs: Sequence[str]) -> None:
        self.task = task_of(metric)
        self._metric = metric
        self._runs = set(runs)
        self._rows: list[dict[str, Any]] = []
        self._lowest: dict[int, tuple[float, BaseDataElement]] = {}

    def add(self, run: str, keys: Sequence[int], predictions: Sequence[BaseDataElement]) -> None:
        """Look at an attack's predictions for a batch; those of other attacks are ignored."""
        if run not in self._runs:
            return
        measure = measure_of(self._metric)
        for key, prediction in zip(keys, predictions, strict=True):
            row = dict(index=key, **measure(prediction))
            quality = row.get('quality')
            self._rows.append(row)
            quality = float('inf') if quality is None else quality
            if key not in self._lowest or quality < self._lowest[key][0]:
                self._lowest[key] = quality, prediction

    def take(self) -> list[BaseDataElement]:
        """Return the worst predictions of the batch by their quality, and forget them."""
        predictions = [prediction for _, prediction in self._lowest.values()]
        self._lowest = {}
        return predictions

    def metrics(self) -> dict[str, float]:
        """Return metrics that single predictions do not give, over all processes; every process must call it.

        Returns:
            For segmentation ``mIoU`` in the worst case, and ``mIoU_bound``, below which no choice gets; else nothing.
        """
        if self.task != 'segmentation':
            return {}
        rows = [row for part in all_gather_object(self._rows) for row in part]
        worst = worst_of(pd.DataFrame(rows), self.task)
        return dict(mIoU=worst.miou, mIoU_bound=worst.bound)
