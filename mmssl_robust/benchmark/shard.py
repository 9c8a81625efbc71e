"""A part of a suite's work, for one of several machines that know nothing of each other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmssl_robust.utils.errors import UserError

SHARDS = 'shards'


@dataclass(frozen=True)
class Shard:
    """One of several parts, which take the batches of every row and attack in turn.

    Attributes:
        index: From 0.
        parts: How many there are.
    """

    index: int = 0
    parts: int = 1

    @classmethod
    def parse(cls, text: str) -> 'Shard':
        """Read ``'3/16'``, the third of sixteen.

        Raises:
            UserError: If it is none.
        """
        found = re.fullmatch(r'([0-9]+)/([0-9]+)', text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise UserError(f'--shard is {text}: give I/N with I from 1 to N, such as 3/16')
        return cls(int(found[1]) - 1, int(found[2]))

    @property
    def is_part(self) -> bool:
        """Whether there are others."""
        return self.parts > 1

    def folder(self, work_dir: Path) -> Path:
        """Where its records are; no two parts write to one folder."""
        return work_dir / SHARDS / f'{self.index + 1}-of-{self.parts}' if self.is_part else work_dir

    def units(self, number: int) -> set[int]:
        """Those of so many units that are its own."""
        return set(range(self.index, number, self.parts))

    def images(self, units: Sequence[Sequence[int]]) -> int:
        """How many images are in those of the units that are its own."""
        return sum(len(units[unit]) for unit in self.units(len(units)))
