"""Records that no evaluation can have made: figures of them would be nonsense, or none at all."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmssl_robust.tasks import Task
from mmssl_robust.utils.errors import UserError


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
    for name in table.column_names:
        wrong = _nan(table[name])
        if wrong.any():
            yield f'hold NaN as {name} of image {index[wrong][0]}'
    known = table['quality'].is_valid().to_numpy()
    if not known.any():
        yield 'say of no image that its ground truth counts, so that there is no metric; if labels are wrong, mend them'
    for column in task.columns:
        lacking = known & table[column.name].is_null().to_numpy()
        if lacking.any() and not (column.is_optional and table[column.name].null_count == len(table)):
            yield f'lack {column.name} of image {index[lacking][0]}'
        if len(set(_lengths(table[column.name]))) > 1:
            yield f'hold lists of several lengths as {column.name}'


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


def _lengths(column: pa.ChunkedArray) -> list[int]:
    return pc.list_value_length(column).drop_null().to_pylist() if pa.types.is_list(column.type) else []
