"""Bad inputs end in one line that says what is wrong, and hostile ones do nothing else either.

The table is `tests/bad_inputs/table.csv`. A row in forty that is refused soon runs always, all of them in
`make test-slow`.
"""

from collections import Counter

import pytest
from bad_inputs.bases import BASES
from bad_inputs.making import make
from bad_inputs.running import run
from bad_inputs.table import Row, rows

ROWS = rows()
HOSTILE = 'hostile'
_SOON = ('report', 'verify', 'convert', 'pack', 'merge', 'benchmark')


def is_slow(place: int, row: Row) -> bool:
    return place % 40 > 0 or row.exit == 0 or not row.command.startswith(_SOON)


@pytest.fixture(scope='session')
def good(tmp_path_factory):
    return tmp_path_factory.mktemp('good')


@pytest.mark.parametrize(
    'row',
    [
        pytest.param(row, id=f'{row.number}-{row.kind}', marks=[pytest.mark.slow] * is_slow(place, row))
        for place, row in enumerate(ROWS)
    ],
)
def test_it_is_refused_in_one_line(row, good, tmp_path_factory):
    folder = tmp_path_factory.mktemp('in')  # a short name: the path of a socket below may have 107 letters
    make(row.base, row.bad, folder, good)
    problem = run(row.command, folder).problem(row.exit, row.says)
    assert not problem, f'line {row.number} of the table, `{row.command}` with {row.bad}: {problem}'


def test_the_table():
    cases = Counter((row.base, row.bad, row.command) for row in ROWS)
    assert len(cases) == len(ROWS) >= 300
    assert sum(row.kind == HOSTILE for row in ROWS) >= 60
    assert {base for row in ROWS for base in row.base.split('+')} <= BASES.keys()
    assert all(row.exit == 0 or (row.exit == 2 and row.says) for row in ROWS)
