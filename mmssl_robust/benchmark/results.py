"""From a suite and its records to tables of results."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.tasks import Contributions, task_named

from .published import published_of
from .row_records import RowRecords, store_of
from .statistics import compare, estimates
from .suite import Row

STANDARD = 'Standard'
COLUMNS = (
    *('kind', 'row', 'task', 'data', 'encoder', 'variant', 'epoch', 'attack', 'threat', 'reads', 'norm', 'eps'),
    *('axis', 'x', 'metric', 'value', 'low', 'high', 'interval', 'images', 'fell', 'rose', 'published', 'difference'),
)
"""Of every table of results; ``kind`` is ``result``, ``member`` (of corruptions), ``curve``, ``difference`` (to
Standard) or ``kept``, ``threat`` that of an attack's settings."""


def results_of(rows: list[RowRecords], resamples: int = 10000) -> pd.DataFrame:
    """Metrics of every finished attack that is no part of a sweep, with the published ones beside them.

    Returns:
        A table of :data:`COLUMNS`. What is worst for each image, clean or under attack, is an attack of its own,
        :data:`.row_records.WORST`. Of single attacks the metric is that of the attacked images; how many predictions
        fell and rose stands beside it.
    """
    lines = []
    for records in rows:
        for attack in (name for name in records.finished if name not in records.row.sweeps):
            lines += _result(records, attack, resamples)
        for name, worst in records.worst.items():
            found = estimates(records.task.contributions(worst.records), resamples)
            lines += _first(_lines('result', records, name, found))
    return _table(lines)


def _result(records: RowRecords, attack: str, resamples: int) -> list[dict[str, Any]]:
    """Lines of an attack, or of the clean images."""
    lines = _lines('result', records, attack, estimates(records.contributions(attack), resamples))
    published = published_of(records.row, None if attack == CLEAN else records.settings(attack))
    for line in _first(lines):
        if published is not None:
            line |= dict(published=published, difference=line['value'] - published)
        line |= dict(zip(('fell', 'rose'), records.changes(attack) or ()))
    return lines


def members_of(rows: list[RowRecords], resamples: int = 10000) -> pd.DataFrame:
    """Metrics of each corruption of several whose mean is a result, and of the clean images outside a patch.

    ``attack`` is called ``ATTACK/CORRUPTION`` and ``ATTACK/clean``.
    """
    lines = []
    for records in rows:
        for attack in records.attacks:
            for member, found in records.beside(attack).items():
                own = _lines('member', records, attack, estimates(found, resamples))
                lines += [line | dict(attack=f'{attack}/{member}') for line in own]
    return _table(lines)


def numbers_of(row: Row, work_dir: Path) -> dict[str, float]:
    """``ROW/ATTACK/METRIC`` -> value, of what is finished of a row."""
    table = results_of([RowRecords(row, store_of(row, work_dir))], resamples=1)
    return {f'{line["row"]}/{line["attack"]}/{line["metric"]}': line['value'] for line in table.to_dict('records')}


def kept_of(rows: list[RowRecords], resamples: int = 10000) -> pd.DataFrame:
    """Share of the clean quality that is kept under each attack on single images, see :func:`.statistics.compare`."""
    lines = []
    for records in rows:
        if CLEAN not in records.finished:
            continue
        clean = records.contributions(CLEAN)
        for attack in (name for name in records.attacks if records.settings(name).kind == 'image'):
            attacked = records.contributions(attack)
            if list(attacked.index) == list(clean.index):
                found = compare(clean, attacked, 'kept', resamples)
                lines += _first(_lines('kept', records, attack, found))
    return _table(lines)


def differences_of(rows: list[RowRecords], resamples: int = 10000) -> pd.DataFrame:
    """Every variant minus Standard of the same encoder, where both saw the same images."""
    lines = []
    for standard, other in pairs_of(rows):
        for attack in other.finished:
            if attack not in standard.finished or attack in other.row.sweeps or _has_own_sizes(other, attack):
                continue
            first, second = standard.contributions(attack), other.contributions(attack)
            if list(first.index) == list(second.index):
                found = compare(first, second, 'difference', resamples)
                lines += _first(_lines('difference', other, attack, found))
    return _table(lines)


def _has_own_sizes(records: RowRecords, attack: str) -> bool:
    """Whether each image met a perturbation of another size, so that metrics of two models say nothing."""
    return attack in records.attacks and records.settings(attack).kind == 'minimal'


def curves_of(rows: list[RowRecords], resamples: int = 10000) -> pd.DataFrame:
    """Metrics against what a sweep changes, all points of a curve from the images of the sweep.

    Returns:
        A table of :data:`COLUMNS`; ``axis`` is ``'eps'``, ``'steps'`` or another setting, ``x`` its value, ``attack``
        the swept attack. ``eps`` or ``severity`` = 0 is the clean image.
    """
    lines = []
    for records in rows:
        for base, axis, points in sweeps_of(records):
            for x, found in points:
                lines += _first(_lines('curve', records, base, estimates(found, resamples), axis=axis, x=x))
    return _table(lines)


def sweeps_of(records: RowRecords) -> Iterator[tuple[str, str, list[tuple[float, Contributions]]]]:
    """Yield for each sweep of a row the attack, the setting that differs, and its points by ascending value."""
    for (base, axis), names in names_of_sweeps(records).items():
        found = {name: records.contributions(name) for name in names}
        images = found[names[0]].index
        points = [(records.row.sweeps[name].value, one) for name, one in found.items()]
        points.append((records.settings(base).number(axis), records.contributions(base).only(images)))
        if axis in ('eps', 'severity') and CLEAN in records.finished:
            points.append((0.0, records.contributions(CLEAN).only(images)))
        yield base, axis, sorted(points, key=lambda point: point[0])


def names_of_sweeps(records: RowRecords) -> dict[tuple[str, str], list[str]]:
    """Attack and setting -> names of the finished repetitions with other numbers; the attack is finished, too."""
    found: dict[tuple[str, str], list[str]] = {}
    for base in records.attacks:
        for name in records.finished:
            sweep = records.row.sweeps.get(name)
            if sweep and sweep.base == base:
                found.setdefault((base, sweep.axis), []).append(name)
    return found


def pairs_of(rows: list[RowRecords]) -> Iterator[tuple[RowRecords, RowRecords]]:
    """Yield each row of another variant with the Standard row of its data and encoder."""
    tables = [records for records in rows if records.row.epoch is None]
    for other in tables:
        for standard in tables:
            same = standard.row.is_of_the_model(other.row)
            if same and standard.row.variant == STANDARD and other.row.variant not in ('', STANDARD):
                yield standard, other


def _lines(kind: str, records: RowRecords, attack: str, found: dict[str, Any], **extra: Any) -> list[dict[str, Any]]:
    row = records.row
    shared = dict(kind=kind, row=row.name, attack=attack, **extra)
    shared |= {key: getattr(row, key) for key in ('task', 'data', 'encoder', 'variant', 'epoch')}
    if attack in records.attacks:
        settings = records.settings(attack)
        shared |= dict(threat=settings.kind, reads=settings.reads, norm=settings.norm, eps=settings.eps)
    lines = []
    for metric, estimate in found.items():
        values = asdict(estimate)
        lines.append(shared | dict(metric=metric, interval=values.pop('method'), **values))
    return lines


def _first(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the metrics, the one of the tables."""
    return [line for line in lines if line['metric'] == task_named(line['task']).metric.name]


def _table(lines: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(lines, columns=list(COLUMNS))
