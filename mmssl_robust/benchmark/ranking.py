"""Models by their least skill over tasks, with paired differences between any two."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from .row_records import RowRecords
from .schema import TABLES_VERSION
from .skill import Contest, contest_of, model_of
from .statistics import EXACT, Estimate, with_intervals

OVERALL = 'overall'
COLUMNS = (
    'kind',
    'rank',
    'model',
    'against',
    'task',
    'data',
    'metric',
    'images',
    'reference',
    'chance',
    'clean',
    'attacked',
    'value',
    'low',
    'high',
    'interval',
)
"""Of :meth:`Ranking.table`; ``kind`` is ``overall``, ``skill``, or ``difference``: the skill of ``model`` minus that of
``against``, of all tasks where ``task`` is empty."""


@dataclass(frozen=True)
class Pair:
    """The skill of one model minus that of another, on the same images.

    Attributes:
        first: The model.
        second: The one that it is compared with.
        contest: On what; None for the overall skill.
        difference: The number.
    """

    first: str
    second: str
    contest: Contest | None
    difference: Estimate

    @property
    def verdict(self) -> str:
        """Which is better, in a word."""
        if self.difference.low > 0:
            return 'better'
        return 'worse' if self.difference.high < 0 else 'no clear difference'


@dataclass(frozen=True)
class Ranking:
    """Models, best first.

    Attributes:
        models: Those with all tasks by their overall skill, then the others.
        contests: One for each task and data set.
        overall: Model -> the least of its skills, of those that have all.
        pairs: Of any two models: overall, then for each contest.
    """

    models: tuple[str, ...]
    contests: tuple[Contest, ...]
    overall: dict[str, Estimate]
    pairs: tuple[Pair, ...]

    def rank(self, model: str) -> int | None:
        """Its place from 1 on, one for all that are equal; None without an overall skill."""
        own = self.overall.get(model)
        return None if own is None else 1 + sum(other.value > own.value for other in self.overall.values())

    def table(self) -> pd.DataFrame:
        """All numbers, unrounded: a table of :data:`COLUMNS`."""
        lines = [
            self._line(OVERALL, model, None, self.overall[model]) for model in self.models if model in self.overall
        ]
        for contest in self.contests:
            for model in (model for model in self.models if model in contest.skill):
                numbers = dict(clean=contest.clean[model], attacked=contest.attacked[model], chance=contest.chance)
                lines.append(self._line('skill', model, contest, contest.skill[model]) | numbers)
        for pair in self.pairs:
            line = self._line('difference', pair.first, pair.contest, pair.difference)
            lines.append(line | dict(against=pair.second))
        return pd.DataFrame(lines, columns=list(COLUMNS)).astype(dict(rank='Int64'))

    def as_dict(self) -> dict[str, Any]:
        """The table for JSON, with the version of what its columns mean."""
        table = self.table().astype(object)
        lines = table.where(table.notna(), None).to_dict('records')
        return dict(schema_version=TABLES_VERSION, models=list(self.models), lines=lines)

    def _line(self, kind: str, model: str, contest: Contest | None, estimate: Estimate) -> dict[str, Any]:
        line = dict(kind=kind, model=model, rank=self.rank(model), value=estimate.value, low=estimate.low)
        line |= dict(high=estimate.high, interval=estimate.method, images=estimate.images)
        if contest:
            line |= dict(task=contest.task, data=contest.data, metric=contest.metric, reference=contest.reference)
        return line


def ranking_of(rows: Sequence[RowRecords], resamples: int = 10000) -> Ranking:
    """Rank the models of rows by the least of their skills over tasks and data sets.

    A task of which a row is unfinished is missing to its model. What has no skill, of any model, does not count. Images
    of different data sets are resampled independently.

    Args:
        rows: Rows whose records can be compared, see :func:`.joined.check_comparable`.
        resamples: Of the bootstrap.

    Raises:
        UserError: If two rows cannot be told apart, or have no image in common.
    """
    groups: dict[tuple[str, str], list[RowRecords]] = {}
    for records in rows:
        if records.attacked is not None:
            groups.setdefault((records.row.task, records.row.data), []).append(records)
    contests = tuple(contest_of(group, resamples, seed) for seed, group in enumerate(groups.values()))
    models = list(dict.fromkeys(model_of(records) for records in rows))
    scored = [contest for contest in contests if contest.is_scored]
    complete = [model for model in models if scored and all(model in contest.skill for contest in scored)]
    drawn = {model: np.min([_drawn(contest, model) for contest in scored], axis=0) for model in complete}
    images = min((contest.images for contest in scored), default=0)
    overall = {model: _overall(scored, model, drawn[model], images) for model in complete}
    least = {model: estimate.value for model, estimate in overall.items()}
    ordered = sorted(complete, key=lambda model: -least[model]) + [model for model in models if model not in complete]
    pairs = []
    for first, second in combinations(ordered, 2):
        if first in overall and second in overall:
            difference = _estimate(least[first] - least[second], drawn[first] - drawn[second], images)
            pairs.append(Pair(first, second, None, difference))
        for contest in scored:
            if first in contest.skill and second in contest.skill:
                pairs.append(Pair(first, second, contest, _difference(contest, first, second)))
    return Ranking(tuple(ordered), contests, overall, tuple(pairs))


def _overall(contests: Sequence[Contest], model: str, drawn: np.ndarray, images: int) -> Estimate:
    """The least skill, with its contest's interval where no other can be the least, or all images agree there."""
    least = min((contest.skill[model] for contest in contests), key=lambda estimate: estimate.value)
    return least if len(contests) == 1 or least.method == EXACT else _estimate(least.value, drawn, images)


def _drawn(contest: Contest, model: str) -> np.ndarray:
    return contest.drawn[:, list(contest.skill).index(model)]


def _difference(contest: Contest, first: str, second: str) -> Estimate:
    value = contest.skill[first].value - contest.skill[second].value
    return _estimate(value, _drawn(contest, first) - _drawn(contest, second), contest.images)


def _estimate(value: float, drawn: np.ndarray, images: int) -> Estimate:
    return with_intervals({'': value}, drawn[:, None], images)['']
