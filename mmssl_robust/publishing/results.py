"""What records say of one encoder, for its card."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from mmssl_robust.benchmark.hub_records import records_at
from mmssl_robust.benchmark.results import results_of
from mmssl_robust.benchmark.row_records import read_rows
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.places import without_places


def scores_of(place: str | Path, digest: str) -> pd.DataFrame:
    """Read the results of an encoder, of which the hash says that it is this one.

    Args:
        place: Folder of records, or its address on the Hub.
        digest: SHA-256 of the weights that were evaluated.

    Returns:
        See :func:`~mmssl_robust.benchmark.results.results_of`; ``attack`` with its norm and eps.

    Raises:
        UserError: If no record is of it.
    """
    with records_at(place) as folder:
        _, rows = read_rows(folder)
        own = [records for records in rows if records.info.get('identity', {}).get('encoder_sha256') == digest]
        if not own:
            raise UserError(f'none of the records in {place} is of this encoder: its hash is {digest[:12]}')
        named = [replace(one, row=replace(one.row, data=without_places(one.row.data))) for one in own]
        table = results_of(named)
    return table[table['value'].notna()]
