"""Records as a repository of data: those of a work dir without its places, or a submission, each with its report."""

import shutil
from dataclasses import replace
from pathlib import Path

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.benchmark.hub_records import write_list
from mmssl_robust.benchmark.records import ROW_FILE, SANITY_FILE
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.benchmark.row_records import ROWS, RowRecords, read_rows
from mmssl_robust.benchmark.submission import unpacked
from mmssl_robust.benchmark.submission.manifest import MANIFEST, changed_files, read_manifest
from mmssl_robust.benchmark.suite import Row
from mmssl_robust.benchmark.transfers import TRANSFER_FILE
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.hub_files import HubRepository
from mmssl_robust.utils.json_files import write_json
from mmssl_robust.utils.places import without_places
from mmssl_robust.utils.wording import listed

from .cards import data_card, write_card

_LIMIT = 2**36  # bytes of a submission of one's own
_HOW = """```bash
mmssl-robust report {address} --out DIR
```

```python
import pandas

pandas.read_csv('{address}/report/results.csv')
```"""
_VERIFY = """It is a submission, which can be verified against a copy of the images:

```bash
mmssl-robust verify {address} DATA
```"""


def write_records(source: Path, folder: Path, repository: HubRepository, licence: str | None) -> None:
    """Write what is to be pushed: records, their list, their report and a card.

    Args:
        source: A work dir that is finished, or a submission.
        folder: Where to.
        repository: Whose address stands in the card.
        licence: As the Hub calls it.

    Raises:
        UserError: If something of them is missing or has changed.
    """
    if not licence:
        raise UserError('under which licence? Give --license, such as cc-by-4.0')
    is_submission = source.suffix == '.zip' or (source / MANIFEST).is_file()
    (_copy_submission if is_submission else _copy_records)(source, folder)
    write_list(folder)
    suite, rows = read_rows(folder)
    write_report(folder, folder / 'report', examples=0)
    configs = dict(results='report/results.csv') | {
        records.row.name: f'{ROWS}/{records.row.name}/*.parquet' for records in rows
    }
    address = str(repository)
    text = [
        f'{suite.title}: one record for each image and attack, and the [report](report/report.md) of them.',
        _HOW.format(address=address),
        _VERIFY.format(address=address) if is_submission else '',
    ]
    write_card(data_card(repository, licence, configs, text), folder)


def _copy_submission(source: Path, folder: Path) -> None:
    with unpacked(source, _LIMIT) as submission:
        changed = changed_files(submission, read_manifest(submission))
        if changed:
            raise UserError(f'{source} is not as it was packed, {changed[0]}: pack it again')
        shutil.copytree(submission, folder, dirs_exist_ok=True)


def _copy_records(source: Path, folder: Path) -> None:
    suite, rows = read_rows(source)
    for records in rows:
        if records.missing:
            raise UserError(
                f'{records.row.name} lacks {listed(list(records.missing))}: go on by the command that began it'
            )
        _copy_row(records, folder / ROWS / records.row.name)
    if (source / TRANSFER_FILE).is_file():
        shutil.copyfile(source / TRANSFER_FILE, folder / TRANSFER_FILE)
    words = without_places(dict(title=suite.title, command=suite.command))
    replace(suite, rows=tuple(_plain(records.row) for records in rows), **words).write(folder)


def _copy_row(records: RowRecords, target: Path) -> None:
    write_json(without_places(records.info), target / ROW_FILE)
    for name in (CLEAN, *records.row.attacks):
        shutil.copyfile(records.store.folder / f'{name}.parquet', target / f'{name}.parquet')
    if sanity := records.store.sanity():
        write_json(without_places(sanity), target / SANITY_FILE)


def _plain(row: Row) -> Row:
    """A row that names nothing of this machine."""
    names = ('config', 'data', 'encoder', 'head', 'checkpoint', 'spec', 'attacks')
    return replace(row, folder='', **without_places({name: getattr(row, name) for name in names}))
