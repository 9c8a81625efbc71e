"""How well an embedding holds, without labels."""

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

from mmengine.evaluator import BaseMetric

from mmssl_robust.registry import METRICS
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.errors import UserError


@METRICS.register_module()
class EmbeddingMetric(BaseMetric):
    """Means over images of what :class:`~mmssl_robust.models.heads.EmbeddingHead` says, shares in percent.

    Arguments as of MMEngine's ``BaseMetric``.
    """

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:  # noqa: ARG002
        """Remember each image's numbers."""
        self.results += [self.numbers_of(sample) for sample in data_samples]

    def numbers_of(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is said of an image.

        Args:
            sample: A prediction, as ``to_dict`` of mmpretrain's ``DataSample`` gives it.

        Raises:
            UserError: If the prediction is no comparison.
        """
        if 'comparison' not in sample:
            raise UserError('EmbeddingMetric scores an embedding: give the config mmssl_robust.EmbeddingHead as head')
        return dict(sample['comparison'])

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Average over the images."""
        return {
            metric.name: (100 if metric.unit == '%' else 1) * fsum(one[metric.name] for one in results) / len(results)
            for metric in task_named('embedding').metrics
            if metric.name in results[0]
        }
