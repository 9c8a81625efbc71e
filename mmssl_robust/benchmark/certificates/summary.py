"""From records of certified images to scores against the radius."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from mmssl_robust.benchmark.statistics import Estimate

from .base import Certifier


@dataclass(frozen=True)
class Level:
    """What is certified at one radius.

    Attributes:
        radius: The L2 radius; None for the model without noise, of which nothing is certified.
        scores: Metric -> estimate.
        abstained: Share of what is not certified, mean over the images, in percent.
    """

    radius: float | None
    scores: dict[str, Estimate]
    abstained: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def levels_of(records: Sequence[dict[str, Any]], certifier: Certifier, resamples: int = 10000) -> list[Level]:
    """Score images at each radius, the model without noise first.

    Args:
        records: Of at least one image.
        certifier: Of their task.
        resamples: Of the bootstrap.
    """
    plain = pd.DataFrame([dict(index=record['index'], **record['plain']) for record in records])
    rows = rows_of(records)
    levels = [Level(None, certifier.scores(plain, resamples), 0.0)]
    for radius in certifier.radii:
        part = rows[rows['radius'] == radius]
        levels.append(Level(radius, certifier.scores(part, resamples), 100 * float(part['abstained'].mean())))
    return levels


def rows_of(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A row for each image and radius."""
    return pd.DataFrame(
        [
            dict(index=record['index'], file=record['file'], **row, seconds=record['seconds'])
            for record in records
            for row in record['rows']
        ]
    )
