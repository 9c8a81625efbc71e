"""A suite with less to do, as the command line wants it."""

import fnmatch
from dataclasses import replace

from mmssl_robust.utils.errors import UserError

from .suite import Row, Suite

FEW = 16
"""On fewer images a curve and a sanity check say nothing: both are left out."""


def smaller(
    suite: Suite,
    max_images: int | None = None,
    batch_size: int | None = None,
    no_sweeps: bool = False,
    no_sanity: bool = False,
) -> Suite:
    """Return a suite of which each row does less.

    Args:
        suite: The suite.
        max_images: Take this many images of each data set, and no more for sweeps and sanity checks; fewer than
            :data:`FEW` are without either.
        batch_size: Images at a time.
        no_sweeps: Leave the sweeps out.
        no_sanity: Leave the sanity checks out.
    """
    few = max_images is not None and max_images < FEW
    rows = suite.rows
    if max_images is not None:
        rows = tuple(replace(row, max_images=max_images, **_at_most(row, max_images)) for row in rows)
    if batch_size is not None:
        rows = tuple(replace(row, batch_size=batch_size) for row in rows)
    if no_sweeps or few:
        rows = tuple(_without_sweeps(row) for row in rows)
    if no_sanity or few:
        rows = tuple(replace(row, sanity_images=0) for row in rows)
    return replace(suite, rows=rows)


def chosen_rows(suite: Suite, patterns: list[str] | None) -> list[Row]:
    """The rows that patterns name; all without any.

    Raises:
        UserError: If they name none.
    """
    patterns = patterns or ['*']
    rows = [row for row in suite.rows if any(fnmatch.fnmatch(row.name, pattern) for pattern in patterns)]
    if not rows:
        names = ', '.join(row.name for row in suite.rows)
        raise UserError(f'no row of {suite.name} is called {" or ".join(patterns)}: there are {names}')
    return rows


def _at_most(row: Row, images: int) -> dict[str, int]:
    swept = {} if row.sweep_images is None else dict(sweep_images=min(row.sweep_images, images))
    return swept | dict(sanity_images=min(row.sanity_images, images))


def _without_sweeps(row: Row) -> Row:
    attacks = {name: config for name, config in row.attacks.items() if name not in row.sweeps}
    return replace(row, attacks=attacks, sweeps={})
