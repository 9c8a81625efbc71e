"""The rows of ``table.csv``."""

import csv
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).with_name('table.csv')


class Row(NamedTuple):
    """A bad input.

    Attributes:
        number: Its line in the file.
        kind: Of what it is one.
        base: Good files that are there, see :data:`.bases.BASES`.
        bad: What is done to them, see :func:`.making.make`.
        command: The command line, in the folder of the files.
        exit: The exit code: 2 of what is refused, 0 of what is said to be left out or is no fault.
        says: Part of what must be said.
    """

    number: int
    kind: str
    base: str
    bad: str
    command: str
    exit: int
    says: str


def rows() -> list[Row]:
    """All of them."""
    with open(TABLE, newline='', encoding='utf-8') as file:
        lines = list(csv.DictReader(file, delimiter=';'))
    return [Row(**{'number': number, **line, 'exit': int(line['exit'])}) for number, line in enumerate(lines, 2)]
