"""Several encoders on the same data: the rows of one suite."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.encoders import parse_spec
from mmssl_robust.encoders.short_names import short_names
from mmssl_robust.encoders.spec import SHIPPED
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.slug import slug

from .plan import Plan
from .runs import Say, row_of


def specs_of(encoders: Sequence[str]) -> list[str]:
    """Read the encoders that are to be compared.

    Raises:
        UserError: If one is none, or there are not two different ones.
    """
    specs = [str(parse_spec(encoder)) for encoder in encoders]
    twice = next((spec for spec in specs if specs.count(spec) > 1), None)
    if twice:
        raise UserError(f'{twice} is given twice: leave one out')
    if len(specs) < 2:
        raise UserError('a comparison is of two encoders or more: give another one, or use `mmssl-robust evaluate`')
    return specs


def rows_of_suite(suite: Suite, specs: Sequence[str]) -> tuple[Row, ...]:
    """Put each encoder on each data set of a suite, under its attacks.

    The head is the suite's where it has one for this very encoder, and trained otherwise.

    Args:
        suite: Of whose rows of one task and data set the first counts.
        specs: See :func:`specs_of`.
    """
    first: dict[tuple[str, str], Row] = {}
    for row in suite.rows:
        first.setdefault((row.task, row.data), row)
    names = short_names(specs)
    return tuple(
        replace(
            row,
            encoder=name,
            spec=spec,
            name=f'{slug(row.task)}-{slug(row.data)}-{folder}',
            variant='',
            checkpoint=None,
            head=_head(suite, row, spec),
            epoch=None,
        )
        for row in first.values()
        for spec, name, folder in zip(specs, names, _folders(names))
    )


def _head(suite: Suite, row: Row, spec: str) -> str | None:
    """The head that a suite has for an encoder on the data of a row."""
    checkpoint = SHIPPED.get(spec, spec)
    rows = (other for other in suite.rows if (other.task, other.data) == (row.task, row.data))
    return next((other.head for other in rows if other.checkpoint == checkpoint), None)


def rows_of_plans(plans: Sequence[Plan], out: Path, say: Say) -> tuple[Row, ...]:
    """Make a row of each plan, of which only the encoders differ.

    Args:
        plans: The plans.
        out: Folder below which their configs are written.
        say: Is told once how the folders were understood.
    """
    names = short_names([plan.encoder for plan in plans])
    return tuple(
        replace(row_of(plan, out / 'encoders' / folder, None if place else say), encoder=name, name=folder)
        for place, (plan, name, folder) in enumerate(zip(plans, names, _folders(names)))
    )


def _folders(names: Sequence[str]) -> list[str]:
    """Names of folders, different ones."""
    folders = [slug(name) for name in names]
    return [f'{name}-{place}' if folders.count(name) > 1 else name for place, name in enumerate(folders)]
