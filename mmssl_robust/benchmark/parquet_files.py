"""Tables of records as Parquet files in which no flipped bit goes unseen."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mmssl_robust.utils.files import check_regular, whole_file

_DIGEST_KEY = b'mmssl_robust.digest'


def write_parquet(table: pa.Table, path: Path, about: Mapping[bytes, str | bytes]) -> None:
    """Write a table at once or not at all.

    Args:
        table: The table.
        path: Where to.
        about: Its metadata, to which a hash of the values is added: Parquet's own checksums leave out what stands
            before each page.
    """
    table = table.replace_schema_metadata({**about, _DIGEST_KEY: _digest_of(table)})
    with whole_file(path) as partial:
        pq.write_table(table, partial, compression='zstd', write_page_checksum=True)


def read_parquet(path: Path) -> pa.Table:
    """Read a table; of one without a hash, which is older, only Parquet's own checksums are compared.

    Raises:
        ValueError: If it is damaged; PyArrow's errors are of this kind.
        OSError: If it cannot be read.
        UserError: If it is no regular file.
    """
    check_regular(path)
    table = pq.read_table(path, page_checksum_verification=True)
    written = (table.schema.metadata or {}).get(_DIGEST_KEY)
    if written is not None and written != _digest_of(table):
        raise ValueError('it is not what was written, but damaged')
    return table


def _digest_of(table: pa.Table) -> bytes:
    """A SHA-256 of names, values and what is missing, the same however they are stored."""
    digest = hashlib.sha256()
    for name in table.column_names:
        column = table[name].combine_chunks()
        digest.update(json.dumps([name, len(column)]).encode())
        digest.update(np.packbits(column.is_valid().to_numpy(zero_copy_only=False)).tobytes())
        digest.update(_values(column))
    return digest.hexdigest().encode()


def _values(column: pa.Array) -> bytes:
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return column.fill_null(0).to_numpy(zero_copy_only=False).tobytes()
    return json.dumps(column.to_pylist(), default=repr).encode()
