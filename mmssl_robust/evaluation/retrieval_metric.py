"""How well a gallery is ranked."""

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

import torch
from mmengine.evaluator import BaseMetric

from mmssl_robust.registry import METRICS
from mmssl_robust.utils.errors import UserError


@METRICS.register_module()
class RetrievalMetric(BaseMetric):
    """Recall@1, recall@5 and mAP, in percent, of what :class:`~mmssl_robust.models.heads.RetrievalHead` ranks.

    Relevant are the gallery's images of the query's class. The average precision is that of the whole ranking, the
    mean over the relevant images of i / r, where r is the place of the i-th of them. Queries of a class of which the
    gallery has no image stay out. Arguments as of MMEngine's ``BaseMetric``.

    Raises:
        UserError: If the predictions are no rankings, or no query has a relevant image.
    """

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:  # noqa: ARG002
        """Remember each query's numbers."""
        self.results += [self.numbers_of(sample) for sample in data_samples]

    def numbers_of(self, sample: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what is said of a query; None if no image of the gallery is relevant.

        Args:
            sample: A prediction with its ground truth, as ``to_dict`` of mmpretrain's ``DataSample`` gives it.

        Returns:
            ``label``, the query's class; ``neighbour``, that of the nearest image; ``recall_at_1`` and
            ``recall_at_5``, whether it is the class of the nearest, or of one of the five nearest; ``mAP``, the average
            precision in [0, 1]; ``margin``, the cosine of the nearest image of the query's class minus that of the
            nearest of another one.

        Raises:
            UserError: If the prediction is no ranking.
        """
        if 'ranks' not in sample:
            raise UserError('RetrievalMetric scores a ranking: give the config mmssl_robust.RetrievalHead as head')
        ranks, similarities, label = sample['ranks'].double(), sample['similarities'].double(), int(sample['gt_label'])
        if not len(ranks):
            return None
        others = similarities.index_fill(0, sample['gt_label'].to(similarities.device), -torch.inf)
        found = torch.arange(1, len(ranks) + 1, device=ranks.device)
        return dict(
            label=label,
            neighbour=int(similarities.argmax()),
            recall_at_1=bool(ranks[0] <= 1),
            recall_at_5=bool(ranks[0] <= 5),
            mAP=float((found / ranks).mean()),
            margin=float(similarities[label] - others.max()),
        )

    def compute_metrics(self, results: list[dict[str, Any] | None]) -> dict[str, float]:
        """Average over the queries that have a relevant image."""
        known = [result for result in results if result is not None]
        if not known:
            raise UserError('no query has an image of its class in the gallery: see bank_dataloader in the config')
        names = {'Recall@1': 'recall_at_1', 'Recall@5': 'recall_at_5', 'mAP': 'mAP'}
        return {name: 100 * fsum(result[key] for result in known) / len(known) for name, key in names.items()}
