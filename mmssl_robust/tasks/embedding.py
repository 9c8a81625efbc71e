"""The embedding itself, without labels."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .base import Column, MeanTask, Metric
from .pictures import Example, Picture

_TITLES = {'before': 'cosine of patches, clean', 'after': 'cosine of patches, adversarial'}


class Embedding(MeanTask):
    """How far an attack moves the embedding, in units that compare between encoders.

    An image is compared with itself as it was, in its CLS token (or what the encoder has in its place) and in its patch
    tokens, and with the other images, by CLS. Distances are over the root mean square of those between different
    images, and 1 - cosine over its mean between different images: 1 is as far as another image. Of a clean image all
    is 0, or 100 %. Given a bank of images, linear probes are fitted on classes that k-means finds in it; what is kept
    is the class that a probe says.

    Examples:
        >>> import pandas as pd
        >>> from mmssl_robust.tasks import Embedding
        >>> task = Embedding()
        >>> task.metric.label
        'images nearest to themselves'
        >>> records = pd.DataFrame(dict(index=[0, 1], nearest=[True, False], quality=[0.2, -0.1]))
        >>> task.contributions(records).values()['nearest'], task.chance(records)
        (50.0, 50.0)
    """

    name = 'embedding'
    metrics = (
        Metric('nearest', 'images nearest to themselves', '%', is_share=True),
        Metric('overlap', 'nearest neighbours kept', '%'),
        Metric('probe', 'class kept by linear probes of the bank', '%', is_optional=True),
        Metric('cls_distance', 'CLS: distance / that between images', higher_is_better=False),
        Metric('patches', 'patches nearest to themselves', '%'),
        Metric('patch_distance', 'patches: distance / that between images', higher_is_better=False),
        Metric('cls_turn', 'CLS: 1 - cosine / that between images', higher_is_better=False),
        Metric('cls_cosine', 'CLS: cosine'),
        Metric('patch_turn', 'patches: 1 - cosine / that between images', higher_is_better=False),
        Metric('patch_cosine', 'patches: cosine'),
    )
    columns = (
        Column(
            'nearest', 'bool', 'whether the image is nearer to itself as it was than to any other, by cosine of CLS'
        ),
        Column('overlap', 'float64', 'share of the nearest neighbours among the other images that are the same'),
        Column(
            'probe',
            'float64',
            'share of linear probes of the bank that say the same class; null without a bank',
            is_optional=True,
        ),
        Column('cls_distance', 'float64', 'distance from CLS as it was, over that between different images'),
        Column('cls_turn', 'float64', '1 - cosine with CLS as it was, over that between different images'),
        Column('cls_cosine', 'float64', 'cosine with CLS as it was'),
        Column('patches', 'float64', 'share of patches nearest to themselves among the patches as they were'),
        Column('patch_distance', 'float64', 'as `cls_distance`, mean over the patches'),
        Column('patch_turn', 'float64', 'as `cls_turn`, mean over the patches'),
        Column('patch_cosine', 'float64', 'as `cls_cosine`, mean over the patches'),
    )
    coarse = ('overlap', 'patches')
    quality = 'cosine with itself less that with the nearest other image'
    stock_metrics = ('EmbeddingMetric',)
    attacks = ('embed-cls', 'embed-patch', 'embed-both')
    strongest = 'embed-both'
    objective = 'EmbeddingDistance'
    sanity_images = 2
    has_classes = False

    def record(self, metric: Any, sample: Any) -> dict[str, Any]:
        """Return the numbers of the comparison; the quality is above 0 where the image is nearest to itself."""
        numbers = metric.numbers_of(sample.to_dict())
        own = {column.name: numbers[column.name] for column in self.columns if column.name in numbers}
        return own | dict(quality=numbers['margin'])

    def chance(self, records: pd.DataFrame) -> float | None:
        """Return how often an image is its own nearest by lot, in percent; less often among a larger bank."""
        return 100 / len(records)

    def is_right(self, records: pd.DataFrame) -> pd.Series:
        """Whether the image is nearest to itself."""
        return records['nearest'].astype(bool)

    def is_consistent(self, records: pd.DataFrame) -> pd.Series:
        """Whether the margin of the cosines has the sign of what is nearest; near 0 two are equal."""
        return (records['quality'].abs() < 1e-4) | ((records['quality'] > 0) == self.is_right(records))

    def example(self, clean: Any, attacked: Any) -> dict[str, Any]:
        """Return maps of the cosine of each patch with itself as it was, and what is nearest."""
        numbers = [sample.comparison for sample in (clean, attacked)]
        arrays = {
            name: sample.cosines.float().cpu().numpy() for name, sample in zip(_TITLES, (clean, attacked), strict=True)
        }
        return dict(
            arrays=arrays,
            facts=dict(
                cosines=[one['cls_cosine'] for one in numbers],
                others=[one['other'].rpartition('/')[2] for one in numbers],
                nearest=[one['nearest'] for one in numbers],
            ),
        )

    def pictures(self, example: Example, info: Mapping[str, Any]) -> list[Picture]:
        """Return the cosines of the patches, in one scale."""
        low = min(0.0, *(float(array.min()) for array in example.arrays.values()))
        return [
            Picture(title, example.arrays[name], 'numbers', 'cosine', (low, 1.0)) for name, title in _TITLES.items()
        ]

    def captions(self, example: Example, info: Mapping[str, Any]) -> tuple[str, str, str]:
        """Return the cosine with itself, and what is nearest."""
        facts = example.facts
        words = [
            f'cosine {cosine:.2f}, nearest {"itself" if nearest else other}'
            for cosine, other, nearest in zip(facts['cosines'], facts['others'], facts['nearest'])
        ]
        return example.file, words[0], words[1]
