"""From the words of a row of the table to the files of its case."""

import json
import math
import shlex
import shutil
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from mmssl_robust.benchmark.parquet_files import read_parquet, write_parquet

from .bases import BASES
from .contents import BYTES, saved, special

_VALUES = dict(nan=math.nan, inf=math.inf, null=None)


def make(base: str, changes: str, folder: Path, cache: Path) -> None:
    """Put good files into a folder, and make some of them bad.

    Args:
        base: Of :data:`.bases.BASES`; several with ``+`` between them.
        changes: Words, ``FILE=KIND`` each: a kind of :mod:`.contents`, ``text:WORDS`` for a text,
            ``bytes:BYTES``, ``literal:VALUE`` for a checkpoint of a value,
            ``json:a.b.0=VALUE`` for an entry of a JSON file, or ``parquet:COLUMN=VALUE`` for a column of a table, of
            the second row or, as ``COLUMN*=VALUE``, of all; ``parquet:empty`` and ``parquet:twice``.
        folder: Where to.
        cache: Keeps what is good for the next case.
    """
    for name in base.split('+'):
        good = cache / name
        if not good.is_dir():
            good.mkdir(parents=True)
            BASES[name](good)
        shutil.copytree(good, folder, dirs_exist_ok=True)
    for word in shlex.split(changes):
        file, _, kind = word.removeprefix('=').partition('=')  # a name may begin with one
        file = '=' * word.startswith('=') + file
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        _change(path, kind)


def _change(path: Path, kind: str) -> None:
    word, _, rest = kind.partition(':')
    if word == 'text':
        path.write_text(rest.encode().decode('unicode_escape'))
    elif word == 'bytes':
        path.write_bytes(rest.encode().decode('unicode_escape').encode('latin-1'))
    elif word == 'literal':
        path.write_bytes(saved(eval(rest, {'torch': torch})))
    elif word == 'json':
        _edit_json(path, *rest.partition('=')[::2])
    elif word == 'parquet':
        _edit_parquet(path, *rest.partition('=')[::2])
    elif not special(kind, path):
        path.write_bytes(BYTES[kind]())


def _edit_json(path: Path, where: str, value: str) -> None:
    content = json.loads(path.read_text())
    *outer, last = [int(key) if key.isdecimal() else key for key in where.split('.')]
    holder = reduce(lambda part, key: part[key], outer, content)
    if value == 'missing':
        del holder[last]
    else:
        holder[last] = json.loads(value)
    path.write_text(json.dumps(content))


def _edit_parquet(path: Path, column: str, value: str) -> None:
    table = read_parquet(path)
    rows: list[dict[str, Any]] = table.to_pylist()
    if column == 'empty':
        rows = []
    elif column == 'twice':
        rows = [*rows, rows[0]]
    elif value == 'missing':
        table = table.drop_columns([column])
    elif value == 'text':
        table = table.set_column(table.column_names.index(column), column, pa.array(['x'] * len(table)))
        rows = table.to_pylist()
    else:
        for row in rows if column.endswith('*') else rows[1:2]:
            row[column.rstrip('*')] = _VALUES[value] if value in _VALUES else json.loads(value)
    write_parquet(pa.Table.from_pylist(rows, table.schema), path, table.schema.metadata)
