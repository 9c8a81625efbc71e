"""Records that no evaluation can have made: figures of them would be nonsense, or none at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmssl_robust.attack_settings import AttackSettings
from mmssl_robust.tasks import Task
from mmssl_robust.utils.annotations import fits
from mmssl_robust.utils.errors import UserError

_INFO = dict(
    identity=dict[str, Any],
    attacks=dict[str, dict[str, Any]],
    images=int,
    classes=list[str] | None,
    palette=list[list[int]] | None,
    skipped=list[str],
    environments=list[dict[str, Any]],
)
_OF_ATTACK = dict(config=dict[str, Any], settings=dict[str, Any] | None, sweep=dict[str, Any] | None)


def check_info(row: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of a row and its attacks, if it can be.

    Raises:
        KeyError: If something is missing.
        TypeError: If something is of another type.
        ValueError: If an attack can be none.
    """
    _check_types(row, _INFO, ('identity', 'attacks'))
    for attack in row['attacks'].values():
        _check_types(attack, _OF_ATTACK, tuple(_OF_ATTACK))
        if attack['settings'] is not None:
            AttackSettings.from_dict(attack['settings'])
    return row


def _check_types(values: dict[str, Any], hints: dict[str, Any], needed: tuple[str, ...]) -> None:
    missing = [name for name in needed if name not in values]
    if missing:
        raise KeyError(f'it lacks {missing[0]}')
    wrong = [name for name, hint in hints.items() if name in values and not fits(values[name], hint)]
    if wrong:
        raise TypeError(f'{wrong[0]}={values[wrong[0]]!r}')


def check_records(table: pa.Table, task: Task, attack: str, path: Path) -> None:
    """Check what is recorded of an attack.

    Args:
        table: A row for each image, of an ensemble for each image and member; with the columns of the task.
        task: The task.
        attack: Name of the attack.
        path: The file, for the error.

    Raises:
        UserError: If there are no records, or they are of another attack, are given twice, hold NaN, or lack what the
            metrics follow from.
    """
    problem = next(_problems(table, task, attack), None)
    if problem:
        raise UserError(f'the records {path} {problem}: make them again, by removing that file and the same command')


def _problems(table: pa.Table, task: Task, attack: str) -> Iterator[str]:
    if not len(table):
        yield 'are empty'
        return
    others = set(table['attack'].to_pylist()) - {attack}
    if others:
        yield f'are of the attack {min(others)!r}'
    index = table['index'].to_numpy()
    if (index < 0).any():
        yield f'have an image of index {index.min()}'
    images, counts = np.unique(index, return_counts=True)
    if len(set(counts)) > 1 or (counts[0] > 1 and table['member'].null_count):
        yield f'have image {images[counts.argmax()]} {counts.max()} times'
    if 0 < table['member'].null_count < len(table):
        yield 'name a member of an ensemble in some lines only'
    for name in table.column_names:
        wrong = _nan(table[name])
        if wrong.any():
            yield f'hold NaN as {name} of image {index[wrong][0]}'
    known = table['quality'].is_valid().to_numpy()
    if not known.any():
        yield 'say of no image that its ground truth counts, so that there is no metric; if labels are wrong, mend them'
    lists = [column.name for column in task.columns if pa.types.is_list(table[column.name].type)]
    lengths = set().union(*(_lengths(table[name]) for name in lists))
    if len(lengths) > 1 or 0 in lengths:
        yield f'hold lists of other lengths than one for each class as {" or ".join(lists)}'
    for column in task.columns:
        lacking = known & table[column.name].is_null().to_numpy()
        if lacking.any() and not (column.is_optional and table[column.name].null_count == len(table)):
            yield f'lack {column.name} of image {index[lacking][0]}'


def _nan(column: pa.ChunkedArray) -> np.ndarray:
    """Where a column holds NaN, which is another thing than nothing; in a list nothing is as bad."""
    if pa.types.is_floating(column.type):
        return pc.fill_null(pc.is_nan(column), False).to_numpy()
    if pa.types.is_list(column.type):
        values = pc.list_flatten(column)
        if values.null_count or (pa.types.is_floating(values.type) and pc.any(pc.is_nan(values)).as_py()):
            return np.array(
                [value is not None and bool(np.isnan(np.array(value, float)).any()) for value in column.to_pylist()]
            )
    return np.zeros(len(column), bool)


def _lengths(column: pa.ChunkedArray) -> set[int]:
    return set(pc.list_value_length(column).drop_null().to_pylist())
