"""Records beside those that were made again: do they agree, and what follows if they do not."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.tasks import Task
from mmssl_robust.utils.wording import counted, listed

from .findings import Finding, Weight, bounds, highest_share, lowest_share
from .reattack import Sample

SAME = 1e-3
"""Up to which two numbers are the same but for rounding; relative above 1, as the others."""
CLEAN_TOLERANCE = 0.01
"""By how much predictions of clean images may differ, between devices and versions of libraries."""
TOLERANCE = 0.05
"""Likewise of attacked images, of which an attack's many steps make more of the rounding."""
GROSS = 0.25
"""From where on two images that differ are no accident."""
_ACCIDENT = 0.02  # chance that honest records are called one-sided
_REFUTED = 0.1  # share of wrong records that must be exceeded, with 95 % confidence
_COARSE = 0.2  # of a share of a few things, of which rounding may change one
_COSTS = ('forwards', 'backwards')
_WEAK = ': the model is less robust than its records, even true ones, say'


@dataclass(frozen=True)
class Compared:
    """A record beside the one that was made again.

    Attributes:
        index: Of the image.
        attack: Name of the attack.
        member: Of an ensemble; else empty.
        recorded: Quality that the submission has; None where there is no ground truth.
        found: Quality of the one that was made again.
        deviation: The largest difference of quality and columns, relative above 1, of areas as a share of all.
        same_cost: Whether both took the same number of forwards and backwards.
    """

    index: int
    attack: str
    member: str
    recorded: float | None
    found: float | None
    deviation: float
    same_cost: bool

    @property
    def agrees(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.deviation <= (CLEAN_TOLERANCE if self.attack == CLEAN else TOLERANCE)

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self) | dict(agrees=self.agrees)


def compared(recorded: Mapping[str, pd.DataFrame], found: Mapping[str, pd.DataFrame], task: Task) -> Iterator[Compared]:
    """Put records beside those that were made again.

    Args:
        recorded: Name of an attack -> records, of all images.
        found: Likewise, of some; for each of them there is one in ``recorded``.
        task: The task.
    """
    for attack, table in found.items():
        known, again = (with_turns(with_members(records)) for records in (recorded[attack], table))
        # Whom an image fell to stands in all records that follow, and may be another one for rounding.
        by = 'turn' if known.duplicated(['index', 'member']).any() else 'member'
        known = known.set_index(['index', by])
        for row in again.to_dict('records'):
            ours = known.loc[(row['index'], row[by])].to_dict()
            costs = attack == CLEAN or all(ours[name] == row[name] for name in _COSTS)
            yield Compared(
                index=int(row['index']),
                attack=attack,
                member=str(row['member']),
                recorded=_number(ours['quality']),
                found=_number(row.get('quality')),
                deviation=_deviation(ours, {str(name): value for name, value in row.items()}, task),
                same_cost=costs,
            )


def with_members(table: pd.DataFrame) -> pd.DataFrame:
    """Records with an empty name where there is no ensemble."""
    return table.assign(member=table['member'].astype(object).where(table['member'].notna(), ''))


def with_turns(table: pd.DataFrame) -> pd.DataFrame:
    """Records with their places, from 0 on, among those of their image."""
    return table.assign(turn=table.groupby('index').cumcount())


def conclusion(pairs: list[Compared], sample: Sample, steady: Mapping[str, bool]) -> Iterator[Finding]:
    """What follows from records that were made again.

    Args:
        pairs: See :func:`compared`.
        sample: The images.
        steady: Name of an attack -> whether what it costs depends on nothing but its settings.
    """
    yield _clean([pair for pair in pairs if pair.attack == CLEAN])
    attacked = [pair for pair in pairs if pair.attack != CLEAN]
    other_cost = [pair for pair in attacked if steady[pair.attack] and not pair.same_cost]
    if other_cost:
        names = listed(sorted({pair.attack for pair in other_cost}))
        words = f'{names}: the records count other forward and backward passes than the attack, as stated, takes'
        yield Finding('cost', 'refuted', words)
    if attacked:
        yield _attacked(attacked, sample)
        yield from _flattered(attacked)


def _flattered(pairs: list[Compared]) -> Iterator[Finding]:
    """Rounding errs to both sides: small differences that are all in favour of the records are none of rounding."""
    gains = {pair.index: 0.0 for pair in pairs}
    for pair in pairs:
        gains[pair.index] += (pair.recorded or 0.0) - (pair.found or 0.0)
    sides = [gain > 0 for gain in gains.values() if abs(gain) > SAME]
    if sides and binomtest(sum(sides), len(sides), alternative='greater').pvalue < _ACCIDENT:
        words = f'the records flatter the model on {sum(sides)} of {counted(len(sides), "image")} that differ'
        yield Finding('one-sided', 'doubt', f'{words}; by rounding alone it would be about half of them')


def _clean(pairs: list[Compared]) -> Finding:
    wrong = [pair for pair in pairs if not pair.agrees]
    if wrong:
        words = f'{len(wrong)} of {counted(len(pairs), "recorded prediction")} are not those of this model'
        return Finding('clean again', 'refuted', f'{words}: {_shown(wrong[0])}')
    words = f'the model predicts what is recorded on all {counted(len(pairs), "clean image")} that were drawn'
    return Finding('clean again', 'fine', f'{words} ({_largest(pairs)})')


def _attacked(pairs: list[Compared], sample: Sample) -> Finding:
    wrong = {pair.index for pair in pairs if not pair.agrees}
    number = len(sample.indices)
    gross = {pair.index for pair in pairs if pair.deviation > GROSS}
    refuted = len(gross) > 1 or lowest_share(len(wrong), number) > _REFUTED
    weight: Weight = 'refuted' if refuted else 'doubt' if wrong else 'fine'
    return Finding(
        'attacked again', weight, '; '.join(filter(None, (_agreeing(pairs, wrong, number), _sure(wrong, sample))))
    )


def _agreeing(pairs: list[Compared], wrong: set[int], number: int) -> str:
    """How many of the drawn images came out as recorded."""
    if wrong:
        worst = max(pairs, key=lambda pair: pair.deviation)
        return f'{len(wrong)} of {counted(number, "image")} came out otherwise than recorded, such as {_shown(worst)}'
    same = sum(pair.deviation <= SAME for pair in pairs)
    words = f'{number} of {counted(number, "image")} came out as recorded, under all attacks as stated'
    return f'{words} ({same} of {counted(len(pairs), "record")} the same but for rounding, {_largest(pairs)})'


def _sure(wrong: set[int], sample: Sample) -> str:
    """What the drawn images say of all that the records call robust, of which alone too much can be claimed."""
    robust, of = len(wrong & set(sample.robust)), len(sample.robust)
    if not of:
        return ''
    more = '' if robust or highest_share(0, of) <= _REFUTED else '; more --images bring this down'
    words = f'{robust} of the {of} that are called robust are wrong'
    return f'{words}, which means {bounds(robust, of)} of all that are (95 % confidence){more}'


def overstated(worst: pd.DataFrame, found: pd.DataFrame, robust: list[int], task: Task, name: str) -> Finding:
    """Compare what the records leave of the robust images with what another attack leaves.

    An honest record of a weak attack is a true record: this says nothing against it, but against what it is called.

    Args:
        worst: See :func:`.reattack.claimed_worst`.
        found: Likewise, of the other attack.
        robust: Indices of images that are robust by the records.
        task: The task.
        name: What to call the attack.
    """
    before, after = worst.loc[robust, 'quality'], found.loc[robust, 'quality']
    if worst['decided'].all():
        fallen = int((~found.loc[robust, 'robust']).sum())
        words = f'{name} breaks {fallen} of {counted(len(robust), "image")} that no recorded attack breaks'
        return Finding('stronger attack', 'note' if fallen else 'fine', words + (_WEAK if fallen else ''))
    drop = float((before - after).mean())
    words = f'{task.quality} is {before.mean():.3f} by the records and {after.mean():.3f} under {name}'
    over = drop > TOLERANCE * max(1.0, float(before.abs().mean()))
    return Finding(
        'stronger attack',
        'note' if over else 'fine',
        f'{words}, on {counted(len(robust), "image")}{_WEAK if over else ""}',
    )


def _deviation(ours: Mapping[str, Any], theirs: Mapping[str, Any], task: Task) -> float:
    """The largest difference; infinite where one has a number and the other none."""
    found = [_difference(ours['quality'], theirs.get('quality'))]
    # Near a boundary a prediction is on this side or on that; the quality says how near.
    near = all(abs(_number(one) or 0) <= TOLERANCE for one in (ours['quality'], theirs.get('quality')))
    for column in task.columns:
        one, other = ours[column.name], theirs.get(column.name)
        if column.kind.startswith('list'):
            found.append(_area(one, other))
        elif column.kind == 'float64':
            found.append(_difference(one, other) * (_COARSE if column.name in task.coarse else 1))
        elif not near and not (pd.isna(one) and other is None) and one != other:
            found.append(np.inf if column.name in task.truth else 1.0)
    return max(found)


def _difference(one: Any, other: Any) -> float:
    first, second = _number(one), _number(other)
    if first is None or second is None:
        return 0.0 if first is second else np.inf
    return abs(first - second) / max(1.0, abs(second))


def _area(one: Any, other: Any) -> float:
    """Of counts of pixels by class how many differ, as a share; of shares the largest difference."""
    first, second = (np.asarray([] if value is None else value, float) for value in (one, other))
    if first.shape != second.shape:
        return np.inf
    difference = np.abs(first - second)
    if second.max(initial=0) <= 1:
        return float(difference.max(initial=0))
    return float(difference.sum() / 2 / second.sum())


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _largest(pairs: list[Compared]) -> str:
    return f'the largest difference is {max((pair.deviation for pair in pairs), default=0):.2g}'


def _shown(pair: Compared) -> str:
    which = f'{pair.attack}/{pair.member}' if pair.member else pair.attack
    numbers = [f'{value:.3g}' if value is not None else 'none' for value in (pair.recorded, pair.found)]
    return f'image {pair.index}, {which}: recorded quality {numbers[0]}, found {numbers[1]}'
