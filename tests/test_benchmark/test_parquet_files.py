"""No flipped bit of a table of records goes unseen, wherever it lies in the file."""

import math
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmssl_robust.benchmark.parquet_files import read_parquet, write_parquet

TABLE = pa.table(
    dict(
        index=pa.array([0, 1, 2], pa.int64()),
        loss=pa.array([0.5, math.nan, None], pa.float64()),
        right=pa.array([True, None, False]),
        file=pa.array(['a.png', 'ä.png', None]),
        labels=pa.array([[1, 2], [], None], pa.list_(pa.int64())),
        depths=pa.array([[0.5, math.nan], [math.inf], None], pa.list_(pa.float64())),
    )
)


def equal(one, other):
    """Also where both hold NaN."""
    return one.schema.equals(other.schema) and repr(one.to_pydict()) == repr(other.to_pydict())


def test_round_trip(tmp_path):
    write_parquet(TABLE, tmp_path / 'a.parquet', {b'about': 'this'})
    found = read_parquet(tmp_path / 'a.parquet')
    assert equal(found, TABLE) and found.schema.metadata[b'about'] == b'this'
    # Chunks are how a table is stored, not what it holds.
    write_parquet(pa.concat_tables([TABLE[:1], TABLE[1:]]), tmp_path / 'a.parquet', {})
    assert equal(read_parquet(tmp_path / 'a.parquet'), TABLE)


def test_every_byte(tmp_path):
    """A bit of each byte in turn: refused, or the same values."""
    path, draw = tmp_path / 'a.parquet', random.Random(0)
    write_parquet(TABLE, path, {})
    content = path.read_bytes()
    refused = 0
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << draw.randrange(8)
        path.write_bytes(flipped)
        try:
            assert equal(read_parquet(path), TABLE), place
        except (pa.ArrowException, OSError, ValueError):
            refused += 1
    assert refused > len(content) / 2


def test_other_values_under_the_same_hash(tmp_path):
    write_parquet(TABLE, tmp_path / 'a.parquet', {})
    metadata = pq.read_table(tmp_path / 'a.parquet').schema.metadata
    for name, value in dict(index=[0, 1, 3], file=['a.png', None, 'ä.png'], labels=[[1], [2], None]).items():
        column = TABLE.schema.get_field_index(name)
        other = TABLE.set_column(column, name, pa.array(value, TABLE.schema.field(name).type))
        pq.write_table(other.replace_schema_metadata(metadata), tmp_path / 'b.parquet')
        with pytest.raises(ValueError, match='not what was written'):
            read_parquet(tmp_path / 'b.parquet')


def test_older_files_say_no_hash(tmp_path):
    pq.write_table(TABLE, tmp_path / 'a.parquet')
    assert equal(read_parquet(tmp_path / 'a.parquet'), TABLE)
