"""A row of a suite with what is recorded of it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmssl_robust.attack_settings import CLEAN, OUTSIDE, AttackSettings
from mmssl_robust.tasks import Contributions, Task, WorstCase, by_budget, fallen_and_risen, worst_of
from mmssl_robust.tasks.contributions import averaged
from mmssl_robust.utils.errors import UserError

from .records import RecordStore
from .suite import Row, Suite, read_suite

ROWS = 'rows'
WORST = 'worst case'


@dataclass(frozen=True)
class RowRecords:
    """A row of a suite with what is recorded of it.

    Attributes:
        row: The row.
        store: Its records.
    """

    row: Row
    store: RecordStore

    @cached_property
    def info(self) -> dict[str, Any]:
        """What ``row.json`` says; empty if the row has not begun."""
        return self.store.info()

    @cached_property
    def finished(self) -> tuple[str, ...]:
        """Names of its finished attacks, ``'clean'`` first."""
        names = set(self.store.attacks()) if self.info else set()
        return tuple(name for name in (CLEAN, *self.row.attacks) if name in names)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the attacks, or ``'clean'``, that have not yet run to their end."""
        return tuple(name for name in (CLEAN, *self.row.attacks) if name not in self.finished)

    @property
    def attacks(self) -> tuple[str, ...]:
        """Names of its finished attacks that are no part of a sweep."""
        return tuple(name for name in self.finished if name != CLEAN and name not in self.row.sweeps)

    @property
    def label(self) -> str:
        """What to call it."""
        epoch = '' if self.row.epoch is None else f'epoch {self.row.epoch}'
        return ', '.join(filter(None, (self.row.data, self.row.encoder, self.row.variant, epoch)))

    @property
    def precision(self) -> str:
        """In what its examples were made."""
        return self.info.get('identity', {}).get('precision', 'fp32')

    def settings(self, attack: str) -> AttackSettings:
        """What an attack is, as it ran."""
        if attack not in self._settings:
            self._settings[attack] = self._settings_of(attack)
        return self._settings[attack]

    @cached_property
    def _settings(self) -> dict[str, AttackSettings]:
        """Those that have been asked for."""
        return {}

    def _settings_of(self, attack: str) -> AttackSettings:
        values = self.info['attacks'][attack]['settings']
        if values is None:
            raise UserError(
                f'row.json in {self.store.folder} does not say what {attack} is: it is damaged, make the row again'
            )
        return AttackSettings.from_dict(values)

    @property
    def task(self) -> Task:
        """Its task."""
        return self.row.task_object

    def read(self, attack: str) -> pd.DataFrame:
        """Records of a finished attack, which are not to be changed."""
        records = self.store.read_checked(attack)
        others = set(records['index']) - self._clean_images if attack != CLEAN and CLEAN in self.finished else ()
        if others:
            raise UserError(
                f'{attack} in {self.store.folder} has records of image {min(others)}, of which there is no clean one: '
                'make them again, by removing the files of both and the same command'
            )
        return records

    @cached_property
    def _clean_images(self) -> set[int]:
        return set(self.read(CLEAN)['index'])

    def contributions(self, attack: str) -> Contributions:
        """What its images add to the metrics: of an attack those of the attacked images, of an ensemble the worst case.

        To an ensemble's worst case belong the clean images, too: an attacker may leave an image alone. Of corruptions,
        which nobody chooses, it is what adds to the means over them.
        """
        records = self._attacked(attack)
        if records['index'].is_unique:
            return self.task.contributions(records)
        if self.settings(attack).averages:
            return self._averaged(attack)
        return self.task.contributions(self._worst_of([*self._clean(records), records]).records)

    def clean_beside(self, attack: str) -> Contributions:
        """What the clean images add where an attack is judged: outside a patch, if it is one, on the images it saw."""
        outside = self._clean_outside(attack)
        return self.contributions(CLEAN) if outside is None else self.task.contributions(outside)

    def sizes(self, attack: str) -> pd.Series:
        """Of an attack that seeks minimal perturbations, the size of each image's, infinite where none was found.

        By index of the image, in the attack's norm; images without a ground truth stay out. See
        :mod:`mmssl_robust.robustness_curve` for what follows from them.
        """
        records = self.read(attack).set_index('index')
        records = records[records['quality'].notna()]
        return records[self.settings(attack).norm].where(records['success'].astype(bool), np.inf)

    def _attacked(self, attack: str) -> pd.DataFrame:
        """Records of the attacked images; of a patch without those of the clean ones outside it."""
        records = self.read(attack)
        return records if self._clean_outside(attack) is None else records[records['member'] == OUTSIDE]

    def _clean_outside(self, attack: str) -> pd.DataFrame | None:
        """Records of the clean images outside a patch; None of what is judged everywhere."""
        if attack == CLEAN or self.settings(attack).kind != 'patch':
            return None
        records = self.read(attack)
        outside = records[records['member'] == CLEAN]
        return outside if len(outside) else None

    def members(self, attack: str) -> dict[str, Contributions]:
        """Name of each member of an ensemble -> what the images that it made add to the metrics."""
        table = self.read(attack)
        own = dict.fromkeys(table['member'].dropna())
        return {name: self.task.contributions(table[table['member'] == name]) for name in own}

    def beside(self, attack: str) -> dict[str, Contributions]:
        """What stands beside a result: each corruption of several, the clean images outside a patch; else nothing."""
        if self.settings(attack).averages:
            return self.members(attack)
        outside = self._clean_outside(attack)
        return {} if outside is None else {CLEAN: self.task.contributions(outside)}

    def _averaged(self, attack: str) -> Contributions:
        try:
            return averaged(list(self.members(attack).values()))
        except ValueError as error:
            raise UserError(f'the records in {self.store.folder} do not fit each other: {error}') from error

    def _worst_of(self, tables: list[pd.DataFrame]) -> WorstCase:
        """The worst case over records of the same images."""
        try:
            return worst_of(pd.concat(tables), self.task)
        except ValueError as error:
            raise UserError(f'the records in {self.store.folder} do not fit each other: {error}') from error

    def _clean(self, attacked: pd.DataFrame) -> list[pd.DataFrame]:
        """Records of the same images as they are, none if these have not been looked at."""
        if CLEAN not in self.finished:
            return []
        clean = self.read(CLEAN)
        return [clean[clean['index'].isin(attacked['index'])]]

    @cached_property
    def worst(self) -> dict[str, WorstCase]:
        """Name -> the worst case over the clean images and the attacks of a budget that saw the images most saw."""
        budgets = by_budget({attack: self.settings(attack) for attack in self.attacks})
        found = {}
        for budget, attacks in budgets.items():
            tables = [self.read(attack) for attack in attacks]
            images = set().union(*(table['index'] for table in tables))
            whole = [table for table in tables if set(table['index']) == images]
            clean = [table for part in whole[:1] for table in self._clean(part)]
            ensemble = len(whole) == 1 and not whole[0]['index'].is_unique  # which is a worst case already
            if clean and set(clean[0]['index']) == images and not ensemble:
                found[f'{WORST} {budget}'.strip()] = self._worst_of([*clean, *whole])
        return found

    @cached_property
    def attacked(self) -> Contributions | None:
        """The worst case over clean images and all attacks in a ball, but for sweeps; None while one has not run."""
        attacks = [attack for attack in self.attacks if self.settings(attack).in_a_ball]
        if set(self.missing) - set(self.row.sweeps) or not attacks:
            return None
        tables = [self.read(attack) for attack in (CLEAN, *attacks)]
        return self.task.contributions(self._worst_of(tables).records)

    def changes(self, attack: str) -> tuple[int, int] | None:
        """How many predictions an attack made worse and better; None of an ensemble, and where that is not known."""
        attacked, outside = self._attacked(attack), self._clean_outside(attack)
        clean = self._clean(attacked) if outside is None else [outside]
        if attack == CLEAN or not clean or not attacked['index'].is_unique or len(clean[0]) != len(attacked):
            return None
        return fallen_and_risen(self.task, clean[0], attacked)


def read_rows(work_dir: Path) -> tuple[Suite, list[RowRecords]]:
    """Read a suite and open the records of its rows, of which any may be missing.

    Raises:
        UserError: If there is no suite, or it is damaged.
    """
    suite = read_suite(work_dir)
    return suite, [RowRecords(row, store_of(row, Path(work_dir))) for row in suite.rows]


def store_of(row: Row, work_dir: Path) -> RecordStore:
    """The records of a row."""
    return RecordStore(Path(work_dir) / ROWS / row.name, row.task_object)
