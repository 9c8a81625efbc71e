"""From a suite and its records to tables of results."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from mmssl_robust.evaluation.samples import METRICS, Sample, sample_of
from mmssl_robust.evaluation.worst_case import WorstCase, by_budget, worst_of
from mmssl_robust.presets import load_preset, presets
from mmssl_robust.utils.numbers import parse_number

from .published import published_value
from .records import CLEAN, RecordStore
from .statistics import compare, estimates
from .suite import Row, Suite, read_suite

STANDARD = 'Standard'
EMBED = 'embed'
WORST = 'worst case'
COLUMNS = (
    *('kind', 'row', 'task', 'data', 'encoder', 'variant', 'epoch', 'attack', 'axis', 'x', 'metric'),
    *('value', 'low', 'high', 'interval', 'images', 'published', 'difference'),
)
"""Of every table of results; ``kind`` is ``result``, ``curve``, ``difference`` (to Standard) or ``kept``."""


@dataclass(frozen=True)
class RowRecords:
    """A row of a suite with what is recorded of it.

    Attributes:
        row: The row.
        store: Its records.
    """

    row: Row
    store: RecordStore

    @cached_property
    def info(self) -> dict[str, Any]:
        """What ``row.json`` says; empty if the row has not begun."""
        return self.store.info()

    @cached_property
    def finished(self) -> tuple[str, ...]:
        """Names of its finished attacks, ``'clean'`` first."""
        names = set(self.store.attacks()) if self.info else set()
        return tuple(name for name in (CLEAN, *self.row.attacks) if name in names)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the attacks, or ``'clean'``, that have not yet run to their end."""
        return tuple(name for name in (CLEAN, *self.row.attacks) if name not in self.finished)

    @property
    def attacks(self) -> tuple[str, ...]:
        """Names of its finished attacks that are no part of a sweep."""
        return tuple(name for name in self.finished if name != CLEAN and name not in self.row.sweeps)

    @property
    def label(self) -> str:
        """What to call it."""
        epoch = '' if self.row.epoch is None else f', epoch {self.row.epoch}'
        return f'{self.row.data}, {self.row.encoder}, {self.row.variant}{epoch}'

    @property
    def precision(self) -> str:
        """In what its examples were made."""
        return self.info.get('identity', {}).get('precision', 'fp32')

    def settings(self, attack: str) -> dict[str, Any]:
        """Config of an attack, as it ran."""
        return self.info['attacks'][attack]['settings']

    def read(self, attack: str) -> pd.DataFrame:
        """Records of a finished attack."""
        return self.store.read(attack)

    def sample(self, attack: str) -> Sample:
        """What its images add to the metrics, of an ensemble in the worst case."""
        records = self.read(attack)
        if records['index'].is_unique:
            return sample_of(records, self.row.task)
        return sample_of(worst_of(records, self.row.task).records, self.row.task)

    @cached_property
    def worst(self) -> dict[str, WorstCase]:
        """Name -> the worst case over the attacks of a budget that saw the images that most saw, if there are two."""
        settings = {attack: self.settings(attack) for attack in self.attacks}
        budgets = by_budget(
            {name: (own.get('norm', 'linf'), parse_number(own['eps'], 'eps')) for name, own in settings.items()}
        )
        found = {}
        for budget, attacks in budgets.items():
            tables = [self.read(attack) for attack in attacks]
            images = set().union(*(table['index'] for table in tables))
            whole = [table for table in tables if set(table['index']) == images]
            if len(whole) > 1:
                found[f'{WORST} {budget}'.strip()] = worst_of(pd.concat(whole), self.row.task)
        return found


def read_rows(work_dir: Path) -> tuple[Suite, list[RowRecords]]:
    """Read a suite and open the records of its rows, of which any may be missing.

    Raises:
        UserError: If there is no suite, or it is damaged.
    """
    suite = read_suite(work_dir)
    return suite, [RowRecords(row, RecordStore(Path(work_dir) / 'rows' / row.name)) for row in suite.rows]


def results_of(rows: list[RowRecords], resamples: int = 10000) -> pd.DataFrame:
    """Metrics of every finished attack that is no part of a sweep, with the published ones beside them.

    Returns:
        A table of :data:`COLUMNS`.
    """
    lines = []
    for records in rows:
        row = records.row
        for attack in (name for name in records.finished if name not in row.sweeps):
            published = published_of(row, attack)
            for line in _lines('result', row, attack, estimates(records.sample(attack), resamples)):
                if line['metric'] == METRICS[row.task][0] and published is not None:
                    line |= dict(published=published, difference=line['value'] - published)
                lines.append(line)
        for name, worst in records.worst.items():
            lines += _first(_lines('result', row, name, estimates(sample_of(worst.records, row.task), resamples)))
    return _table(lines)


def published_of(row: Row, attack: str) -> float | None:
    """The published number beside which an attack's result may stand: of the same attack, on all images."""
    if row.epoch is not None or row.max_images is not None:
        return None
    if attack != CLEAN:
        own, papers = row.attacks[attack], load_preset(attack) if attack in presets() else {}
        if any(own.get(name) != papers.get(name) for name in ('type', 'norm', 'eps', 'steps', 'step_size')):
            return None
    return published_value(row.task, row.data, row.encoder, row.variant, attack)


def kept_of(rows: list[RowRecords], resamples: int = 10000) -> pd.DataFrame:
    """Share of the clean quality that is kept under each attack, see :func:`.statistics.compare`."""
    lines = []
    for records in rows:
        if CLEAN not in records.finished:
            continue
        clean = records.sample(CLEAN)
        for attack in records.attacks:
            attacked = records.sample(attack)
            if list(attacked.index) == list(clean.index):
                found = compare(clean, attacked, 'kept', resamples)
                lines += _first(_lines('kept', records.row, attack, found))
    return _table(lines)


def differences_of(rows: list[RowRecords], resamples: int = 10000) -> pd.DataFrame:
    """Every variant minus Standard of the same encoder, where both saw the same images."""
    lines = []
    for standard, other in pairs_of(rows):
        for attack in other.finished:
            if attack not in standard.finished or attack in other.row.sweeps:
                continue
            first, second = standard.sample(attack), other.sample(attack)
            if list(first.index) == list(second.index):
                found = compare(first, second, 'difference', resamples)
                lines += _first(_lines('difference', other.row, attack, found))
    return _table(lines)


def curves_of(rows: list[RowRecords], resamples: int = 10000) -> pd.DataFrame:
    """Metrics against ``eps`` and ``steps``, all points of a curve from the images of the sweep.

    Returns:
        A table of :data:`COLUMNS`; ``axis`` is ``'eps'`` or ``'steps'``, ``x`` its value, ``attack`` the swept attack.
        ``eps`` = 0 is the clean image.
    """
    lines = []
    for records in rows:
        for base, axis, points in sweeps_of(records):
            for x, sample in points:
                extra = dict(axis=axis, x=x)
                lines += _first(_lines('curve', records.row, base, estimates(sample, resamples), **extra))
    return _table(lines)


def sweeps_of(records: RowRecords) -> Iterator[tuple[str, str, list[tuple[float, Sample]]]]:
    """Yield for each sweep of a row the attack, ``'eps'`` or ``'steps'``, and its points by ascending value."""
    for base in records.attacks:
        for axis in ('eps', 'steps'):
            names = [name for name in records.finished if name in records.row.sweeps and _belongs(name, base, axis)]
            if not names:
                continue
            samples = {name: records.sample(name) for name in names}
            images = samples[names[0]].index
            samples[base] = records.sample(base).only(images)
            points = [(parse_number(records.settings(name)[axis], axis), sample) for name, sample in samples.items()]
            if axis == 'eps' and CLEAN in records.finished:
                points.append((0.0, records.sample(CLEAN).only(images)))
            yield base, axis, sorted(points, key=lambda point: point[0])


def pairs_of(rows: list[RowRecords]) -> Iterator[tuple[RowRecords, RowRecords]]:
    """Yield each row of another variant with the Standard row of its data and encoder."""
    tables = [records for records in rows if records.row.epoch is None]
    for other in tables:
        for standard in tables:
            same = all(getattr(standard.row, key) == getattr(other.row, key) for key in ('task', 'data', 'encoder'))
            if same and standard.row.variant == STANDARD != other.row.variant:
                yield standard, other


def _belongs(name: str, base: str, axis: str) -> bool:
    return name.startswith(f'{base}-{axis}-')


def _lines(kind: str, row: Row, attack: str, found: dict[str, Any], **extra: Any) -> list[dict[str, Any]]:
    shared = dict(kind=kind, row=row.name, attack=attack, **extra)
    shared |= {key: getattr(row, key) for key in ('task', 'data', 'encoder', 'variant', 'epoch')}
    lines = []
    for metric, estimate in found.items():
        values = asdict(estimate)
        lines.append(shared | dict(metric=metric, interval=values.pop('method'), **values))
    return lines


def _first(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the metrics, the one of the tables."""
    return [line for line in lines if line['metric'] == METRICS[line['task']][0]]


def _table(lines: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(lines, columns=list(COLUMNS))
