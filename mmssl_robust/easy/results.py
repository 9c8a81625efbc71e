"""What came out of an evaluation: a table, files, a page."""

from collections.abc import Hashable, Mapping
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from mmssl_robust.attack_settings import CLEAN, written
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.benchmark.row_records import RowRecords, read_rows
from mmssl_robust.benchmark.schema import versioned
from mmssl_robust.benchmark.statistics import ENOUGH, EXACT, TOO_NARROW, estimates
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.escaping import spreadsheet
from mmssl_robust.utils.files import whole_file
from mmssl_robust.utils.wording import counted

COLUMNS = (
    *('task', 'data', 'encoder', 'variant', 'attack', 'norm', 'eps', 'metric', 'value', 'low', 'high', 'interval'),
    *('images', 'fell', 'rose'),
)
"""Of the table: a line for each metric of the clean images and of each attack, with the 95 % interval over images."""
_SHOWN = 5  # metrics for which a terminal has room
_DECIMALS = 2  # at most
_WIDTH = 100  # columns of what a notebook shows
_WRITERS = {'.csv': 'to_csv', '.json': 'to_json', '.parquet': 'to_parquet'}


class Results:
    """Results of an evaluation, which are in its folder.

    Args:
        work_dir: Folder of the records.
        resamples: Of the bootstrap of the intervals.

    Raises:
        UserError: If there are no records.
    """

    def __init__(self, work_dir: str | Path, resamples: int = 2000) -> None:
        self.work_dir = Path(work_dir)
        self.resamples = resamples
        self.suite, self.rows = read_rows(self.work_dir)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A table of :data:`COLUMNS`; attacks of other sizes than the first have lines of their own."""
        lines = [line for records in self.rows for attack in _ordered(records) for line in self._lines(records, attack)]
        return pd.DataFrame(lines, columns=list(COLUMNS))

    def __repr__(self) -> str:
        console = Console(width=_WIDTH, file=StringIO(), color_system=None)
        for table in self.shown():
            console.print(table)
        lines = [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
        return '\n'.join((*lines, f'Records: {self.work_dir}'))

    def to_pandas(self) -> pd.DataFrame:
        """A copy of the table."""
        return self.table.copy()

    def value(self, attack: str = CLEAN, metric: str | None = None) -> float:
        """A number of the first row.

        Args:
            attack: Name of an attack, of several sizes the largest.
            metric: Name of a metric, by default the task's first.

        Raises:
            UserError: If there is none of the name.
        """
        records = self.rows[0]
        wanted = metric or records.task.metric.name
        own = self.table[(self.table['attack'] == attack) & (self.table['metric'] == wanted)]
        own = own.sort_values('eps', kind='stable', ascending=False)
        if not len(own):
            raise UserError(
                f'no {wanted} under {attack}: there are {", ".join(dict.fromkeys(self.table["attack"]))}, with '
                f'{", ".join(records.task.metric_names)}'
            )
        return float(own['value'].iloc[0])

    def save(self, path: str | Path) -> Path:
        """Write the table, as :func:`~mmssl_robust.benchmark.schema.read_table` reads it.

        Args:
            path: ``.csv``, ``.json`` or ``.parquet``.

        Raises:
            UserError: If it is of another kind, or cannot be written.
        """
        path = Path(path)
        if path.suffix not in _WRITERS:
            raise UserError(f'{path} is no {", ".join(_WRITERS)}: give it one of these endings')
        settings: dict[str, Any] = dict(orient='records', indent=2) if path.suffix == '.json' else dict(index=False)
        table = spreadsheet(self.table) if path.suffix == '.csv' else self.table
        with whole_file(path) as partial:
            getattr(versioned(table), _WRITERS[path.suffix])(partial, **settings)
        return path

    def report(self, folder: str | Path | None = None) -> Path:
        """Write the report, a page with tables, figures and pictures.

        Args:
            folder: Where to; by default ``report`` beside the records.

        Returns:
            The page.
        """
        return write_report(self.work_dir, Path(folder or self.work_dir / 'report'))

    def shown(self) -> list[Table]:
        """For a terminal: a table for each row, attacks down, metrics across."""
        return [self._shown(records) for records in self.rows]

    def _shown(self, records: RowRecords) -> Table:
        row = records.row
        own = self.table[self.table['data'].eq(row.data) & self.table['encoder'].eq(row.encoder)]
        metrics = [metric for metric in records.task.metrics if metric.name in set(own['metric'])][:_SHOWN]
        images = int(own['images'].max()) if len(own) else 0
        table = Table(
            title=f'{row.encoder} on {row.data}, {counted(images, "image")}',
            caption='\n'.join(
                (*(f'{metric.name}: {metric.description}' for metric in metrics), *_notes(own, metrics[0].name))
            ),
            caption_justify='left',
            box=SIMPLE,
            padding=(0, 1, 0, 0),
            pad_edge=False,
        )
        table.add_column('attack', no_wrap=True)
        table.add_column(metrics[0].name, justify='right')
        table.add_column('interval', justify='right', no_wrap=True)
        for metric in metrics[1:]:
            table.add_column(metric.name.replace('_', ' '), justify='right')
        for _, lines in own.groupby(['attack', 'eps'], sort=False, dropna=False):
            table.add_row(*_cells(lines.to_dict('records')))
        return table

    def _lines(self, records: RowRecords, attack: str) -> list[dict[str, Any]]:
        shared: dict[str, Any] = {key: getattr(records.row, key) for key in ('task', 'data', 'encoder', 'variant')}
        shared |= dict(attack=attack)
        if attack != CLEAN:
            settings = records.settings(attack)
            norm, eps = (None, None) if settings.averages else settings.budget
            base = records.row.sweeps[attack].base if attack in records.row.sweeps else attack
            shared |= dict(attack=base, norm=norm, eps=eps)
        shared |= dict(zip(('fell', 'rose'), records.changes(attack) or ()))
        found = estimates(records.contributions(attack), self.resamples)
        return [
            shared
            | dict(metric=name, value=one.value, low=one.low, high=one.high, interval=one.method, images=one.images)
            for name, one in found.items()
        ]


def _ordered(records: RowRecords) -> list[str]:
    """Finished attacks, clean first, the sizes of one attack side by side, ascending."""
    bases = [name for name in records.finished if name not in records.row.sweeps]

    def place(name: str) -> tuple[int, float]:
        sweep = records.row.sweeps.get(name)
        return bases.index(sweep.base if sweep else name), 0.0 if name == CLEAN else records.settings(name).budget[1]

    known = [name for name in records.finished if name in bases or records.row.sweeps[name].base in bases]
    return sorted(known, key=place)


def _cells(lines: list[dict[Hashable, Any]]) -> list[str]:
    """Attack, first metric, its interval, some other metrics; a terminal is too narrow for all."""
    first = lines[0]
    norm = '' if first['norm'] == 'linf' else f'{first["norm"]} '
    size = '' if pd.isna(first['eps']) else f' {norm}{written(first["eps"], first["norm"])}'
    mark = '*' if first['interval'] == EXACT else ''
    # Nothing and all are said without decimals: with them the nine attacks on the embedding would not fit a terminal.
    low, high = (_number(first, end).removesuffix('.0' if first[end] in (0, 100) else '') for end in ('low', 'high'))
    interval = '' if pd.isna(first['low']) else f'[{low}, {high}]{mark}'
    return [f'{first["attack"]}{size}', _number(first), interval, *map(_number, lines[1:_SHOWN])]


def _notes(table: pd.DataFrame, metric: str) -> list[str]:
    """What is to be said of the intervals of a row's first metric."""
    own = table[table['metric'] == metric]
    notes = ['* Clopper-Pearson: all images agree'] if own['interval'].eq(EXACT).any() else []
    if metric == 'mIoU' and own['images'].lt(ENOUGH).any():
        notes.append(TOO_NARROW)
    return notes


def _number(line: Mapping[Hashable, Any], name: str = 'value') -> str:
    metric = task_named(line['task']).metric_named(line['metric'])
    return f'{line[name]:.{min(metric.decimals, _DECIMALS)}f}'
