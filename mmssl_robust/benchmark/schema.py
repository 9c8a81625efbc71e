"""Versions of tables and files that are kept: each says its own, and a newer one is refused."""

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.escaping import from_spreadsheet, spreadsheet

TABLES_VERSION = 1
"""Of ``results``, ``ranking`` and ``transfer``, as CSV and JSON, and of what ``Results.save`` writes."""
COLUMN = 'schema_version'
SCHEMA_KEY = b'mmssl_robust.schema_version'
"""Under which the metadata of a Parquet file says its version."""
_LINES = ('results', 'lines')  # what the table is called in the JSON of a report, and of a ranking


def versioned(table: pd.DataFrame) -> pd.DataFrame:
    """A table with a last column that says the version of the others, which any reader of CSV takes as one."""
    return table.assign(**{COLUMN: TABLES_VERSION})


def as_csv(table: pd.DataFrame) -> str:
    """A table as CSV with its version, unrounded; texts that a spreadsheet would run have a quote before."""
    return versioned(spreadsheet(table)).to_csv(index=False)


def check_version(found: Any, known: Collection[int], place: Path | str) -> None:
    """Refuse what another version has written.

    Args:
        found: What a file says.
        known: Versions that can be read; the last is the one that is written.
        place: The file.

    Raises:
        UserError: If it is not among the known ones.
    """
    if found not in known:
        raise UserError(
            f'{place} has schema version {found!r}, this is version {max(known)}: read it with the version of '
            'mmssl_robust that wrote it'
        )


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table of a report, or one that ``Results.save`` wrote, and make sure that its columns mean what they did.

    Args:
        path: ``results.csv``, ``results.json``, ``ranking.csv``, ``ranking.json``, ``transfer.csv``, or another name
            that ends in ``.csv``, ``.json`` or ``.parquet``.

    Returns:
        The table, without the column of the version.

    Raises:
        UserError: If it is none, is damaged, or is of a newer version.
    """
    path = Path(path)
    try:
        table = _READERS[path.suffix](path)
    except KeyError as error:
        raise UserError(f'{path} is no table: give one that ends in .csv, .json or .parquet') from error
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        raise UserError(f'cannot read the table {path}: {first_line(error)}') from error
    for version in table[COLUMN].unique().tolist() if COLUMN in table else [None]:
        check_version(version, (TABLES_VERSION,), path)
    table = table.drop(columns=COLUMN)
    return from_spreadsheet(table) if path.suffix == '.csv' else table


def _read_json(path: Path) -> pd.DataFrame:
    value = json.loads(path.read_text(encoding='utf-8'))
    if isinstance(value, list):
        return pd.DataFrame(value)
    lines = next((value[name] for name in _LINES if name in value), None)
    if lines is None:
        raise ValueError('it has no lines of a table')
    return pd.DataFrame(lines).assign(**{COLUMN: value.get(COLUMN)})


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    '.csv': pd.read_csv,
    '.json': _read_json,
    '.parquet': pd.read_parquet,
}
