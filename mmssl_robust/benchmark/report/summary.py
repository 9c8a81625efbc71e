"""What came out of a benchmark, in a sentence for each model and data set, made of the numbers."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.tasks import Metric, task_named
from mmssl_robust.utils.wording import listed

from ..results import STANDARD
from ..row_records import WORST, RowRecords
from .content import Content

_ALL = 2
"""Of more attacks a row's sentence says the worst case alone."""
_EACH = 4
"""Of more variants a sentence says the worst and the best; the table of differences compares each with Standard."""
BETTER, WORSE, UNCLEAR = 'better', 'worse', 'no clear difference'


def summary(content: Content) -> list[str]:
    """What came out, in sentences: one for each task, data set and encoder, with all its variants."""
    groups: dict[tuple[str, str, str], list[RowRecords]] = {}
    for records in content.begun:
        if records.row.epoch is None and CLEAN in records.finished:
            groups.setdefault((records.row.task, records.row.data, records.row.encoder), []).append(records)
    differences: dict[tuple[str, str, str], list[Mapping[Hashable, Any]]] = {}
    for line in content.differences.to_dict('records'):
        differences.setdefault((line['task'], line['data'], line['encoder']), []).append(line)
    return [
        _sentence(content, key, groups.get(key, []), differences.get(key, []))
        for key in dict.fromkeys((*groups, *differences))
    ]


def verdict_of(line: Mapping[Hashable, Any]) -> str:
    """Whether a difference is one, and to the better or the worse, in a word."""
    if not line['low'] > 0 and not line['high'] < 0:
        return UNCLEAR
    metric = task_named(line['task']).metric_named(line['metric'])
    return BETTER if metric.better(line['value'], 0) else WORSE


def _sentence(
    content: Content,
    key: tuple[str, str, str],
    group: Sequence[RowRecords],
    differences: Sequence[Mapping[Hashable, Any]],
) -> str:
    task, data, encoder = key
    if len(group) > _EACH:
        return f'{data}, {encoder}: {task_named(task).metric.name} of {len(group)} variants {_ranges(content, group)}.'
    alone = len(group) == 1 and group[0].row.variant == STANDARD and not differences
    values = '; '.join(
        f'{"" if alone else records.row.variant} {_values(content, records)}'.strip() for records in group
    )
    parts = [f'{data}, {encoder}: {task_named(task).metric.name} {values}.'] if group else [f'{data}, {encoder}:']
    for variant in dict.fromkeys(line['variant'] for line in differences):
        parts.append(_compared(variant, [line for line in differences if line['variant'] == variant]))
    return ' '.join(parts)


def _values(content: Content, records: RowRecords) -> str:
    """Clean and attacked numbers of a row."""
    metric, numbers = records.task.metric, _numbers(content, records)
    attacks = list(numbers)
    if records.worst and len(records.attacks) > _ALL:
        attacks = [name for name in attacks if name == CLEAN or name.startswith(WORST)]
    return ', '.join(f'{metric.show(numbers[name])} {_where(name)}{_bound(records, name)}' for name in attacks)


def _ranges(content: Content, group: Sequence[RowRecords]) -> str:
    """The worst and the best of many rows, clean and in each worst case that all have."""
    numbers = [_numbers(content, records) for records in group]
    shared = [name for name in numbers[0] if all(name in own for own in numbers)]
    said = []
    for name in shared:
        if name == CLEAN or name.startswith(WORST):
            values = [(own[name], records.row.variant) for own, records in zip(numbers, group)]
            said.append(f'{_range(values, group[0].task.metric)} {_where(name)}')
    return ', '.join(said)


def _range(values: list[tuple[float, str]], metric: Metric) -> str:
    """The worst and the best of values, each with whose it is."""
    sign = 1 if metric.higher_is_better else -1
    worst, best = (end(values, key=lambda pair: sign * pair[0]) for end in (min, max))
    if metric.show(worst[0]) == metric.show(best[0]):
        return f'all {metric.show(best[0])}'
    return ' to '.join(f'{metric.show(value)} ({variant})' for value, variant in (worst, best))


def _numbers(content: Content, records: RowRecords) -> dict[str, float]:
    """Attack -> the first metric of a row."""
    metric = records.task.metric.name
    own = content.results[(content.results['row'] == records.row.name) & (content.results['metric'] == metric)]
    return dict(zip(own['attack'], own['value']))


def _compared(variant: str, lines: Sequence[Mapping[Hashable, Any]]) -> str:
    """Where a variant is better than Standard, and where worse."""
    found: dict[str, list[str]] = {}
    for line in lines:
        metric = task_named(line['task']).metric_named(line['metric'])
        low, high = (metric.show(line[end]) for end in ('low', 'high'))
        verdict = verdict_of(line)
        number = '' if verdict == UNCLEAR else f' ({metric.show(line["value"], signed=True)} [{low}, {high}])'
        found.setdefault(verdict, []).append(f'{_where(line["attack"])}{number}')
    said = [f'{verdict} than Standard {listed(found[verdict])}' for verdict in (BETTER, WORSE) if verdict in found]
    said += [f'not clearly different {listed(found[UNCLEAR])}'] if UNCLEAR in found else []
    return f'{variant} is {"; ".join(said)}.'


def _where(attack: str) -> str:
    return 'clean' if attack == CLEAN else f'in the {attack}' if attack.startswith(WORST) else f'under {attack}'


def _bound(records: RowRecords, attack: str) -> str:
    bound = records.worst[attack].bound if attack in records.worst else None
    return '' if bound is None else f' (no choice of attacks goes below {records.task.metric.show(bound)})'
