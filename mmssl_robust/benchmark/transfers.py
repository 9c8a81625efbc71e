"""How the images made against one encoder change the embedding of another, from what a comparison has kept."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from mmssl_robust.utils.errors import UserError, first_line

from .parquet_files import read_parquet
from .row_records import RowRecords
from .schema import SCHEMA_KEY, check_version
from .statistics import estimates
from .suite import Row

TRANSFER_FILE, SCHEMA_VERSION = 'transfer.parquet', 1
_PAIR = ['source', 'target', 'attack']
COLUMNS = ('task', 'data', 'attack', 'source', 'target', 'metric', 'value', 'low', 'high', 'interval', 'images')
"""Of the table: ``source`` is the encoder that is attacked, ``target`` the one that is shown the images."""


def attack_of(row: Row) -> str:
    """The attack whose images are shown to others: the task's strongest, or else the first."""
    strongest = row.task_object.strongest
    names = [name for name in row.attacks if name not in row.sweeps]
    return strongest if strongest in names else names[0]


def transfers_of(rows: Sequence[RowRecords], resamples: int = 10000) -> pd.DataFrame:
    """Metrics of each target under the images made against each source.

    Args:
        rows: Of one or several folders; those of which nothing was shown to others are left out.
        resamples: Of the bootstrap over images.

    Returns:
        A table of :data:`COLUMNS`, unrounded.

    Raises:
        UserError: If they are damaged, or from a newer version of this package.
    """
    lines = []
    for folder in dict.fromkeys(_folder(records) for records in rows):
        own = {records.store.folder.name: records for records in rows if _folder(records) == folder}
        path = folder / TRANSFER_FILE
        table = _read(path) if path.is_file() else pd.DataFrame(columns=_PAIR)
        for (source, target, attack), part in table.groupby(_PAIR, sort=False):
            if source in own and target in own:
                lines += _lines(own[source], own[target], str(attack), part, resamples)
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _read(path: Path) -> pd.DataFrame:
    try:
        table = read_parquet(path)
        version = int((table.schema.metadata or {}).get(SCHEMA_KEY, SCHEMA_VERSION))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f'cannot read {path} ({first_line(error)}): remove it, and compare again') from error
    check_version(version, (SCHEMA_VERSION,), path)
    if not set(_PAIR) <= set(table.column_names):
        raise UserError(f'{path} does not say {", ".join(_PAIR)}: remove it, and compare again')
    return table.to_pandas()


def _lines(source: RowRecords, target: RowRecords, attack: str, part: pd.DataFrame, resamples: int) -> list[dict]:
    found = estimates(target.task.contributions(part), resamples)
    about = dict(task=target.task.name, data=target.row.data, attack=attack)
    about |= dict(source=source.row.encoder, target=target.row.encoder)
    return [
        about | dict(metric=name, value=one.value, low=one.low, high=one.high, interval=one.method, images=one.images)
        for name, one in found.items()
    ]


def _folder(records: RowRecords) -> Path:
    """The work dir of a row."""
    return records.store.folder.parent.parent
