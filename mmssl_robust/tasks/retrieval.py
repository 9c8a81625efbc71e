"""Image retrieval: a gallery ranked by how similar its images are to the query."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .base import Column, MeanTask, Metric
from .classes import name_of
from .pictures import Example


class Retrieval(MeanTask):
    """A gallery ranked by similarity in the embedding, without a trained head; relevant is what has the query's class.

    Attacks are those of classification: what they reach is a nearest image of another class, whose share is recall@1.

    Examples:
        >>> import pandas as pd
        >>> from mmssl_robust.tasks import Retrieval
        >>> ranks = dict(recall_at_1=[True, False], recall_at_5=[True, True], mAP=[1.0, 0.5])
        >>> Retrieval().contributions(pd.DataFrame(dict(index=[0, 1], **ranks))).values()
        {'recall_at_1': 50.0, 'recall_at_5': 100.0, 'mAP': 75.0}
    """

    name = 'retrieval'
    metrics = (
        Metric('recall_at_1', 'recall@1', '%', is_share=True, stock='Recall@1'),
        Metric('recall_at_5', 'recall@5', '%', is_share=True, stock='Recall@5'),
        Metric('mAP', 'mean average precision', '%'),
    )
    columns = (
        Column('label', 'int32', 'the class of the query'),
        Column('neighbour', 'int32', 'the class of the nearest image of the gallery'),
        Column(
            'recall_at_1',
            'bool',
            'whether the nearest image has the class of the query; null where none in the gallery has',
        ),
        Column('recall_at_5', 'bool', 'whether one of the five nearest has'),
        Column('mAP', 'float64', 'average precision of the ranking of the whole gallery'),
    )
    truth = ('label',)
    coarse = ('mAP',)
    quality = 'margin of similarity'
    stock_metrics = ('RetrievalMetric',)
    attacks = ('embed', 'pgd')
    strongest = 'autoattack'
    objective = 'ClassificationObjective'
    outputs = 'classes'
    targeted = 'TargetedCrossEntropy'
    sanity_images = 8

    def record(self, metric: Any, sample: Any) -> dict[str, Any]:
        """Return the numbers of the ranking.

        The quality is the cosine of the nearest image of the query's class minus that of the nearest of another one,
        above 0 where the nearest of all is right.
        """
        numbers = metric.numbers_of(sample.to_dict())
        return dict(quality=numbers.pop('margin'), **numbers) if numbers else {}

    def is_right(self, records: pd.DataFrame) -> pd.Series:
        """Whether the nearest image has the query's class."""
        return records['label'] == records['neighbour']

    def example(self, clean: Any, attacked: Any) -> dict[str, Any]:
        """Return the query's class, and both times the class of the nearest image and its cosine."""
        similarities = [sample.similarities for sample in (clean, attacked)]
        return dict(
            facts=dict(
                label=int(clean.gt_label),
                neighbours=[int(classes.argmax()) for classes in similarities],
                cosines=[float(classes.max()) for classes in similarities],
            )
        )

    def captions(self, example: Example, info: Mapping[str, Any]) -> tuple[str, str, str]:
        """Return the query's class, and what is nearest with which cosine."""
        facts = example.facts
        near = [f'{name_of(label, info)} {cosine:.2f}' for label, cosine in zip(facts['neighbours'], facts['cosines'])]
        return f'true: {name_of(facts["label"], info)}', f'nearest {near[0]}', f'nearest {near[1]}'
