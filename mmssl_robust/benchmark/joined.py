"""Rows of several work dirs in one report, where their records can be compared."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.wording import listed

from .records import differences
from .row_records import RowRecords, read_rows
from .suite import Row, Suite


def read_several(work_dirs: Sequence[Path]) -> tuple[Suite, list[RowRecords]]:
    """Read the suites of several folders as one; rows and models of one name get their folder's beside it.

    Args:
        work_dirs: Each as a benchmark, an evaluation or a comparison wrote it.

    Raises:
        UserError: If there is no suite in one, one is given twice, or their records cannot be compared.
    """
    if len(work_dirs) == 1:
        return read_rows(work_dirs[0])
    places = [Path(folder).resolve() for folder in work_dirs]
    if len(set(places)) < len(places):
        twice = next(folder for folder, place in zip(work_dirs, places) if places.count(place) > 1)
        raise UserError(f'{twice} is given twice: leave one out')
    names = [place.name for place in places]
    labels = [str(folder) if names.count(name) > 1 else name for folder, name in zip(work_dirs, names)]
    read = [read_rows(folder) for folder in work_dirs]
    check_comparable([records for _, rows in read for records in rows])
    suites = [suite for suite, _ in read]
    rows = _told_apart([(label, records) for label, (_, found) in zip(labels, read) for records in found])
    suite = Suite(
        name=' + '.join(dict.fromkeys(suite.name for suite in suites)),
        title='; '.join(dict.fromkeys(suite.title for suite in suites)),
        rows=tuple(records.row for records in rows),
        command='\n'.join(dict.fromkeys(suite.command for suite in suites)),
    )
    return suite, rows


def check_comparable(rows: Sequence[RowRecords]) -> None:
    """Refuse rows of one task and data set of which one says nothing about another.

    Raises:
        UserError: If they ran other attacks, or on other images.
    """
    first: dict[tuple[str, str], RowRecords] = {}
    for records in (records for records in rows if records.finished):
        known = first.setdefault((records.row.task, records.row.data), records)
        differing = _differing(known, records)
        if differing:
            raise UserError(
                f'{known.store.folder} and {records.store.folder} cannot be compared: the first has {differing}: '
                'evaluate both on the same images under the same attacks'
            )


def _differing(known: RowRecords, other: RowRecords) -> str:
    """What differs that numbers depend on, besides the model; empty if nothing does."""
    attacks, others = _attacks_of(known), _attacks_of(other)
    if set(attacks) != set(others):
        return f'the attacks {listed(sorted(attacks)) or "none"}, the second {listed(sorted(others)) or "none"}'
    for name in attacks:
        settings = differences(attacks[name], others[name])
        if settings:
            return f'{name} with {"; ".join(settings)}'
    return _other_images(known, other) if CLEAN in known.finished and CLEAN in other.finished else ''


def _attacks_of(records: RowRecords) -> dict[str, dict]:
    """Name -> config, of all attacks but those of sweeps."""
    return {name: config for name, config in records.row.attacks.items() if name not in records.row.sweeps}


def _other_images(known: RowRecords, other: RowRecords) -> str:
    ours, theirs = known.read(CLEAN), other.read(CLEAN)
    if len(ours) != len(theirs):
        return f'{len(ours)} images of {known.row.data}, the second {len(theirs)}'
    for name in ('index', 'file', *known.task.truth):
        same = [np.array_equal(one, two) for one, two in zip(ours[name], theirs[name])]
        if not all(same):
            return f'other images of {known.row.data}: the {name} of {same.count(False)} of {len(same)} differs'
    return ''


def _told_apart(found: Sequence[tuple[str, RowRecords]]) -> list[RowRecords]:
    """Rows with names of their own, each with its folder's label."""
    names = Counter(records.row.name for _, records in found)
    places = Counter((records.row.task, records.row.data, _model(records.row)) for _, records in found)
    ambiguous = {model for (_, _, model), count in places.items() if count > 1}
    rows = []
    for label, records in found:
        row = records.row
        name = f'{row.name} ({_file_name(label)})' if names[row.name] > 1 else row.name
        # All rows of the model, so that its tasks stay together.
        encoder = f'{row.encoder} ({label})' if _model(row) in ambiguous else row.encoder
        rows.append(replace(records, row=replace(row, name=name, encoder=encoder)))
    return rows


def _file_name(label: str) -> str:
    """A folder as part of a row's name; no two are made one."""
    return label if '/' not in label else label.replace('_', '__').replace('/', '_')


def _model(row: Row) -> tuple[str, str, int | None]:
    return row.encoder, row.variant, row.epoch
