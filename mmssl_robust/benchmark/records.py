"""Per-image records of evaluations: one row for each image and attack, in Parquet files of one documented schema.

An ensemble has a row for each image and member, so that the worst case is a choice among rows.

A row's folder holds ``row.json``, a finished ``ATTACK.parquet`` for each attack (``clean`` is the one that leaves
the image as it is), and while an attack is under way ``parts/ATTACK/UNIT.parquet`` for each batch that is done.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mmssl_robust.attack_settings import AttackSettings, Sweep
from mmssl_robust.tasks import Task
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.files import check_regular, remove_partial_files, whole_file
from mmssl_robust.utils.json_files import read_state, write_json

from .old_records import upgraded
from .parquet_files import read_parquet, write_parquet
from .record_checks import check_info, check_records
from .schema import SCHEMA_KEY, check_version

SCHEMA_VERSION = 3
_READABLE = (2, SCHEMA_VERSION)
ROW_FILE = 'row.json'
SANITY_FILE = 'sanity.json'
FILES = ('image_files', 'bank_files', 'training_files')
"""What of an identity records of an older version do not say, nor a machine that has the records without the images."""


def _field(name: str, kind: pa.DataType, description: str, nullable: bool = True) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={'description': description})


_KINDS = {
    'int32': pa.int32(),
    'float64': pa.float64(),
    'bool': pa.bool_(),
    'list<int64>': pa.list_(pa.int64()),
    'list<float64>': pa.list_(pa.float64()),
}
SHARED = pa.schema(
    [
        _field('index', pa.int64(), 'index of the image in its data set', nullable=False),
        _field('file', pa.string(), 'path below the data root; empty for data sets without files', nullable=False),
        _field('attack', pa.string(), 'name of the attack, `clean` for none', nullable=False),
        _field(
            'member',
            pa.string(),
            'of an ensemble, the attack of this row; of maps outside a patch `outside` and `clean`; else null',
        ),
        _field('seed', pa.int64(), 'seed of the random start'),
        _field('restart', pa.int32(), 'the restart that the reported iterate is from, counted from 0'),
        _field('success', pa.bool_(), "whether the attack succeeded by its objective's own definition"),
        _field('score', pa.float64(), "what the attack lowers: its objective's score of the reported iterate"),
        _field(
            'quality',
            pa.float64(),
            'how good the prediction is by the measure of its task, higher is better; null where there is no truth',
        ),
        _field('loss_before', pa.float64(), "the attack's loss of the clean image"),
        _field('loss_after', pa.float64(), "the attack's loss of the reported iterate"),
        _field('linf', pa.float64(), 'largest change of a pixel, for pixels in [0, 1]'),
        _field('l2', pa.float64(), 'Euclidean norm of the change'),
        _field('l1', pa.float64(), 'sum of the absolute changes'),
        _field('zero_grad', pa.float64(), 'share of exactly-zero entries of the input gradient, mean over the steps'),
        _field('forwards', pa.int32(), 'times the image went through the model', nullable=False),
        _field('backwards', pa.int32(), 'times a gradient came back', nullable=False),
        _field('seconds', pa.float64(), "the image's share of its batch's time", nullable=False),
    ]
)


def schema_of(task: Task) -> pa.Schema:
    """The columns of a task's records: those that all share, then its own."""
    own = [_field(column.name, _KINDS[column.kind], column.description) for column in task.columns]
    return pa.schema([*SHARED, *own])


class RecordStore:
    """The records of one row of a suite: one model on one data set under any number of attacks.

    Args:
        folder: Where they are kept.
        task: The row's.
    """

    def __init__(self, folder: Path, task: Task) -> None:
        self.folder = Path(folder)
        self.task = task
        self.schema = schema_of(task)

    def open(self, identity: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        """Begin the row, or go on with it.

        Args:
            identity: What the records depend on, such as hashes of config and weights.
            info: What a reader of the records wants to know besides, such as class names; it may change.

        Raises:
            UserError: If there are records of another identity; says what differs.
        """
        known = self.info()
        before = known.get('identity', identity)
        self._refuse(changes(before, identity))
        identity = {key: before[key] for key in FILES if key in before} | dict(identity)
        self.folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.folder, *(path for path in self.folder.rglob('*') if path.is_dir())):
            remove_partial_files(folder)
        attacks = known.get('attacks', {})
        write_json({**info, 'schema_version': SCHEMA_VERSION, 'identity': identity, 'attacks': attacks}, self._row_file)

    def check(self, settings: Mapping[str, Any], attacks: Mapping[str, Mapping[str, Any]]) -> None:
        """Compare what is known beforehand with what the records were made with.

        Args:
            settings: Part of the identity of :meth:`open`.
            attacks: Name -> config.

        Raises:
            UserError: If something differs; says what.
        """
        known = self.info()
        before = known.get('identity', settings)
        identity = {key: before[key] for key in settings if key in before}
        self._refuse(changes(identity, settings))
        for name, config in attacks.items():
            self._refuse_attack(name, known.get('attacks', {}).get(name, {}).get('config', config), config)

    def begin(
        self,
        attack: str,
        config: Mapping[str, Any],
        settings: AttackSettings | None = None,
        sweep: Sweep | None = None,
    ) -> None:
        """Begin an attack, or go on with it; only one process may call it.

        Args:
            attack: Its name.
            config: Its config.
            settings: What it is, as the built attack says; None for no attack.
            sweep: Its place in a sweep, if it is part of one.

        Raises:
            UserError: If there are records of an attack of this name with another config; says what differs.
        """
        row = self.info()
        known = row['attacks'].get(attack, {})
        self._refuse_attack(attack, known.get('config', config), config)
        if settings and known.get('settings'):
            self._refuse_attack(attack, *map(_made_beforehand, (known['settings'], settings.as_dict())))
        if attack not in row['attacks']:
            row['attacks'][attack] = dict(
                config=dict(config),
                settings=settings and settings.as_dict(),
                sweep=sweep and asdict(sweep),
            )
            write_json(row, self._row_file)

    def info(self) -> dict[str, Any]:
        """Return what :meth:`open` and :meth:`begin` were given, also by an older version; empty before the first.

        Raises:
            UserError: If the file is damaged, or from a newer version of this package.
        """
        check_regular(self._row_file)
        if not self._row_file.is_file():
            return {}
        try:
            row = json.loads(self._row_file.read_text())
            version = row.get('schema_version')
        except (ValueError, AttributeError, RecursionError) as error:
            raise UserError(f'{self._row_file} is damaged ({first_line(error)}): remove {self.folder}') from error
        check_version(version, _READABLE, self._row_file)
        try:
            return check_info(row if version == SCHEMA_VERSION else upgraded(row))
        except (KeyError, TypeError, ValueError, AttributeError, UserError) as error:
            raise UserError(f'{self._row_file} is damaged ({first_line(error)}): remove {self.folder}') from error

    def is_finished(self, attack: str) -> bool:
        """Whether all images are recorded."""
        check_regular(self._file(attack))
        return self._file(attack).is_file()

    def done(self, attack: str) -> set[int]:
        """Numbers of the units that are recorded."""
        return {int(part.stem) for part in self._parts(attack).glob('*.parquet')}

    def add(self, attack: str, unit: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Record a unit, whole or not at all.

        Args:
            attack: Its name.
            unit: Number of the unit.
            rows: A mapping for each image, with the names of :attr:`schema`; what is missing is null.
        """
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=self.schema)
        _write(table, self._parts(attack) / f'{unit}.parquet')

    def finish(self, attack: str, units: int) -> None:
        """Join the units, once all are there; only one process may call it.

        Args:
            attack: Its name.
            units: How many there must be.

        Raises:
            UserError: If one is missing or damaged.
        """
        missing = set(range(units)) - self.done(attack)
        if missing:
            raise UserError(f'{len(missing)} of {units} units of {attack} are missing in {self.folder}: start again')
        tables = [_read(self._parts(attack) / f'{unit}.parquet', self.schema) for unit in range(units)]
        _write(_by_index(pa.concat_tables(tables)), self._file(attack))
        shutil.rmtree(self._parts(attack))
        if not any(self._parts(attack).parent.iterdir()):
            self._parts(attack).parent.rmdir()

    def take(self, other: 'RecordStore', attack: str) -> None:
        """Copy what another store of the same row holds of an attack; only one process may call it.

        Raises:
            UserError: If both hold records of the same images that differ in more than their time.
        """
        if other.is_finished(attack):
            self._take_file(other._file(attack), self._file(attack))
        for unit in sorted(other.done(attack)) if not self.is_finished(attack) else ():
            self._take_file(other._parts(attack) / f'{unit}.parquet', self._parts(attack) / f'{unit}.parquet')

    def _take_file(self, source: Path, target: Path) -> None:
        if target.is_file():
            ours, theirs = (_read(path, self.schema).drop_columns(['seconds']) for path in (target, source))
            if not ours.equals(theirs):
                raise UserError(
                    f'{source} and {target} hold other records of the same images: were both made by one kind of '
                    'machine and one number of threads? Keep one of them'
                )
            return
        with whole_file(target) as partial:
            shutil.copyfile(source, partial)

    def write_sanity(self, checks: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Keep what was found out about the attacks: name -> checks."""
        write_json(dict(checks), self.folder / SANITY_FILE)

    def sanity(self) -> dict[str, list[dict[str, Any]]]:
        """What :meth:`write_sanity` was given; empty if it has not been looked at."""
        return read_state(self.folder / SANITY_FILE, dict) or {}

    def note_skipped(self, unit: int, message: str) -> None:
        """Remember a file of a unit that could not be read."""
        path = self.folder / 'skipped' / f'{unit}.json'
        messages = read_state(path, list) or []
        if message not in messages:
            write_json([*messages, message], path)

    def skipped(self) -> list[str]:
        """Messages of files that could not be read."""
        files = (self.folder / 'skipped').glob('[!.]*.json')
        return sorted({str(message) for file in files for message in read_state(file, list) or []})

    def attacks(self) -> list[str]:
        """Names of the attacks, ``'clean'`` first, that are finished."""
        return [attack for attack in self.info().get('attacks', {}) if self.is_finished(attack)]

    def read(self, attack: str) -> pd.DataFrame:
        """Return the records of a finished attack by the order of the data set; lists become NumPy arrays.

        Columns that are newer than the records are null, those that this version does not know are left out.

        Raises:
            UserError: If they are not there, damaged, or of another schema.
        """
        return _read(self._file(attack), self.schema).to_pandas()

    def read_checked(self, attack: str) -> pd.DataFrame:
        """Return what :meth:`read` does, of which metrics can be made; see :func:`.record_checks.check_records`.

        Whoever asks for the same again is given the same values, which are therefore not to be changed.
        """
        return _read_checked(self, attack, _stamp(self._file(attack))).copy(deep=False)

    def _refuse(self, differing: list[str]) -> None:
        if differing:
            raise UserError(
                f'the records in {self.folder} were made with {"; ".join(differing)}: '
                'move that folder away, or give another --work-dir'
            )

    def _refuse_attack(self, attack: str, known: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        differing = differences(known, settings)
        if differing:
            raise UserError(
                f'the records of {attack} in {self.folder} were made with {"; ".join(differing)}: give '
                'another folder (--out, --work-dir), or give the attack another name, or, to replace them, move '
                f'{self._file(attack)} and {self._parts(attack)} away and take {attack} out of {self._row_file}'
            )

    @property
    def _row_file(self) -> Path:
        return self.folder / ROW_FILE

    def _file(self, attack: str) -> Path:
        return self.folder / f'{attack}.parquet'

    def _parts(self, attack: str) -> Path:
        return self.folder / 'parts' / attack


def _made_beforehand(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What an attack is made of besides its config: a file, or another encoder's weights, by its hash."""
    return {name: value for name, value in settings['arguments'].items() if name == 'sha256'}


def _by_index(table: pa.Table) -> pa.Table:
    """Sort, rows of one image in their order."""
    return table.take(pa.array(np.argsort(table['index'].to_numpy(), kind='stable')))


def _write(table: pa.Table, path: Path) -> None:
    write_parquet(table, path, {SCHEMA_KEY: str(SCHEMA_VERSION)})


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    try:
        table = read_parquet(path)
    except FileNotFoundError as error:
        raise UserError(f'no records at {path}: run `mmssl-robust benchmark`') from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f'cannot read the records {path} ({first_line(error)}): remove that file') from error
    return pa.table([_column(table, field, path) for field in schema], schema=schema)


# A report asks a dozen times for each table of a row; more of them would fill the memory where images are many.
@lru_cache(maxsize=32)
def _read_checked(store: RecordStore, attack: str, stamp: object) -> pd.DataFrame:
    path = store._file(attack)
    table = _read(path, store.schema)
    check_records(table, store.task, attack, path)
    return table.to_pandas()


def _stamp(path: Path) -> tuple[int, ...] | None:
    """What changes with the file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _column(table: pa.Table, field: pa.Field, path: Path) -> pa.ChunkedArray | pa.Array:
    if field.name not in table.column_names:
        if field.nullable:
            return pa.nulls(len(table), field.type)
        raise UserError(f'{path} has no column {field.name}: remove that file')
    column = table[field.name]
    if column.type != field.type:
        raise UserError(
            f'the column {field.name} of {path} is of type {column.type}, not {field.type}: remove that file'
        )
    return column


def changes(known: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Say in which entries two identities differ; in :data:`FILES` only if both say them and all else agrees."""
    settings = [{key: part[key] for key in part if key not in FILES} for part in (known, given)]
    files = [{key: part[key] for key in FILES if key in known and key in given} for part in (known, given)]
    return differences(*settings) or differences(*files)


def differences(known: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Say in which entries two mappings differ."""
    known, given = (json.loads(json.dumps(part, default=str)) for part in (known, given))
    return [
        f'{key} {known.get(key)!r}, not {given.get(key)!r}'
        for key in sorted({*known, *given})
        if known.get(key) != given.get(key)
    ]
