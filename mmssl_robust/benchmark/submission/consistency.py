"""What the records of a row must fulfil among themselves, before any image is attacked again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmssl_robust.attack_settings import CLEAN, OUTSIDE, SLACK, AttackSettings
from mmssl_robust.building import build_attack
from mmssl_robust.datasets.thresholds import tell_attacks
from mmssl_robust.datasets.tolerant import spread
from mmssl_robust.utils.wording import counted

from ..records import differences
from ..row_records import RowRecords
from .findings import Finding
from .images import IMAGE, Entry, by_word_alone, digest_of

_ROUNDING, _TIE = 1e-6, 1e-3
_WORD_ALONE = 'folders are no classes here: which image is of which class is the word of the submission alone'
_CONTRADICTORY = 'prediction, success, quality or ground truth contradict each other in'


def check_results(claimed: Sequence[Mapping[str, Any]], computed: pd.DataFrame) -> Finding:
    """Compare the numbers that a row claims with those that follow from its records.

    Args:
        claimed: Of the manifest: ``attack``, ``metric``, ``value``, ``images``.
        computed: Of the row, see :func:`~mmssl_robust.benchmark.results.results_of`.
    """
    ours = {(line['attack'], line['metric']): (line['value'], line['images']) for line in computed.to_dict('records')}
    theirs = {(line.get('attack'), line.get('metric')): (line.get('value'), line.get('images')) for line in claimed}
    wrong = [pair for pair in dict.fromkeys([*theirs, *ours]) if not _same(theirs.get(pair), ours.get(pair))]
    if wrong:
        stated, found = (_shown(numbers.get(wrong[0])) for numbers in (theirs, ours))
        first = f'{" ".join(map(str, wrong[0]))} is stated as {stated}, by the records it is {found}'
        words = f'{len(wrong)} of {len(theirs)} stated numbers do not follow from the records'
        return Finding('numbers', 'refuted', f'{words}: {first}')
    return Finding('numbers', 'fine', f'all {len(ours)} stated numbers follow from the records')


def check_images(records: RowRecords, images: Mapping[str, Any], claimed: Mapping[str, Any]) -> Iterator[Finding]:
    """Look whether the images are those that the row says it was evaluated on, and all of them.

    Args:
        records: The row.
        images: What it says of each, as read.
        claimed: Of the manifest.
    """
    entries: list[Entry] = images['images']
    if digest_of(entries) != claimed.get('digest') or len(entries) != claimed.get('number'):
        yield Finding('images', 'refuted', 'the list of images is not the one that the manifest states')
    wanted = spread(images['size'], records.row.max_images)
    skipped = len(records.info.get('skipped') or ())
    for attack in records.finished:
        swept = spread(len(wanted), records.row.sweep_images) if attack in records.row.sweeps else range(len(wanted))
        own = set(records.read(attack)['index'])
        missing, more = {wanted[place] for place in swept} - own, own - {wanted[place] for place in swept}
        if more or len(missing) > skipped:
            yield Finding(
                'images',
                'refuted',
                f'{attack} has {counted(len(own), "image")}: {len(missing)} are missing of those that it says it '
                f'attacked, {len(more)} are others',
            )
        elif missing:
            yield Finding('images', 'note', f'{attack}: {counted(len(missing), "image")} could not be read')
    files = {entry['index']: entry['files'][IMAGE]['path'] for entry in entries}
    if files.keys() != set(records.read(CLEAN)['index']):
        yield Finding('images', 'refuted', 'the list of images is not of those that are recorded')
    odd, by_folder = by_word_alone(entries)
    if odd:
        words = f'the label of {counted(len(odd), "image")} is not that of the others in their folder'
        yield Finding('labels', 'doubt' if by_folder else 'note', words if by_folder else _WORD_ALONE)
    words = f'{len(entries)} of the {counted(images["size"], "image")} of the data set, as the settings choose them'
    yield Finding('images', 'fine', f'{words} (digest of all {digest_of(entries)[:12]})')


def check_attacks(records: RowRecords, thresholds: Mapping[str, float]) -> Iterator[Finding]:
    """Look whether the attacks are what they are said to be, as far as the records show it.

    Args:
        records: The row.
        thresholds: Of its data.
    """
    for name in (name for name in records.finished if name != CLEAN):
        stated, table = records.info['attacks'][name], records.read(name)
        if needs_more(records.row.attacks[name]):
            words = f'{name} needs a perturbation or an encoder that is in no submission: it is not attacked again'
            yield Finding('attacks', 'note', words)
            continue
        told = tell_attacks({name: build_attack(records.row.attacks[name])}, thresholds)[name]
        differing = differences(told.settings.as_dict(), records.settings(name).as_dict())
        differing += differences(records.row.attacks[name], stated['config'])
        if differing:
            words = f'{name} as its config builds it has {"; ".join(differing)} as stated'
            yield Finding('attacks', 'refuted', words)
            continue
        settings = records.settings(name)
        yield from (Finding('attacks', 'refuted', f'{name}: {words}') for words in _unlike(table, settings))
        wrong = _contradictions(records, name, settings)
        if wrong:
            yield Finding('records', 'refuted', f'{name}: {_CONTRADICTORY} {wrong} of {counted(len(table), "record")}')
        yield from _members(name, table, settings)
    wrong = int((~records.task.is_consistent(records.read(CLEAN))).sum())
    if wrong:
        words = f'clean: {_CONTRADICTORY} {wrong} of {counted(len(records.read(CLEAN)), "record")}'
        yield Finding('records', 'refuted', words)
    names = [name for name in records.finished if name != CLEAN]
    words = f'settings, norms and seeds of {counted(len(names), "attack")} fit each other'
    yield Finding('attacks', 'fine', f'{words}, which does not yet show that any was run')


def needs_more(config: Mapping[str, Any]) -> bool:
    """Whether an attack's config names a file or an encoder of its own, which a stranger may not have opened here."""
    return any(config.get(name) is not None for name in ('file', 'surrogate'))


def _unlike(table: pd.DataFrame, settings: AttackSettings) -> Iterator[str]:
    """What in the records cannot be of such an attack."""
    norm, eps = settings.budget
    largest = table[norm].max() if norm in table else 0  # a patch may change its pixels as it likes
    if not largest <= eps + SLACK[norm] * max(1, eps):
        yield f'the largest {norm} norm is {largest:.6g}, its eps {eps:.6g}'
    for member, rows in table.groupby(table['member'].fillna('')):
        own = settings.members.get(str(member), settings) if member else settings
        seeds = set(rows['seed'].dropna())
        if seeds - {own.arguments.get('seed', 0)}:
            yield f'recorded with the seeds {sorted(seeds)}, its own is {own.arguments.get("seed", 0)}'


def _members(name: str, table: pd.DataFrame, settings: AttackSettings) -> Iterator[Finding]:
    """Every image must have met every member, and no image anything twice."""
    wanted = set(settings.members) or {''}
    if settings.kind == 'patch' and table['member'].notna().any():
        wanted = {OUTSIDE, CLEAN}
    possible = [sorted(wanted), *(_after_a_success(settings) if settings.members else ())]
    found = table.groupby('index')['member'].agg(lambda members: sorted(members.fillna('')))
    wrong = int((found.map(lambda members: members not in possible)).sum())
    if wrong:
        yield Finding('attacks', 'refuted', f'{name}: {counted(wrong, "image")} did not meet each member once')


def _after_a_success(settings: AttackSettings) -> Iterator[list[str]]:
    """What records of an image may name where it is left alone once it has fallen: from then on whom it fell to."""
    members = list(settings.members)
    if all(member.arguments.get('stop_at_success') for member in settings.members.values()):
        yield [CLEAN] * len(members)
        for place, member in enumerate(members):
            yield sorted([*members[:place], *[member] * (len(members) - place)])


def _contradictions(records: RowRecords, name: str, settings: AttackSettings) -> int:
    """How many records of an attack cannot be true as they stand."""
    table = records.read(name)
    wrong = ~records.task.is_consistent(table)
    clean = records.read(CLEAN).set_index('index')
    for column in records.task.truth if settings.kind != 'patch' else ():  # of which a patch leaves a part
        truth = clean.loc[table['index'], column]
        wrong |= np.array([not np.array_equal(one, other) for one, other in zip(truth, table[column])])
    # Of one certain answer, or of a distance, success is something else.
    untargeted = settings.reads == 'prediction' and 'target' not in settings.objective_arguments
    if records.task.name == 'classification' and untargeted:
        said, found = table['success'].astype(bool), table['label'] != table['prediction']
        wrong |= (said != found) & (table['quality'].abs() > _TIE)
    return int(wrong.sum())


def _same(claimed: Any, computed: Any) -> bool:
    if claimed is None or computed is None:
        return False
    numbers = [np.asarray(pair, dtype=object) for pair in (claimed, computed)]
    try:
        one, other = (np.array([np.nan if value is None else value for value in part], float) for part in numbers)
    except (TypeError, ValueError):
        return False
    return bool(np.allclose(one, other, rtol=_ROUNDING, atol=_ROUNDING, equal_nan=True))


def _shown(number: Any) -> str:
    return 'missing' if number is None else f'{number[0]} on {number[1]} images'
