"""Signs in the records that an attack is weaker than it looks, or that numbers do not belong together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from itertools import pairwise

import numpy as np

from mmssl_robust.attack_settings import CLEAN, SLACK, ZERO_GRADIENTS, AttackSettings, ball, written
from mmssl_robust.tasks import Contributions
from mmssl_robust.utils.wording import counted

from .published import ROUNDING, published_of, scale_of
from .results import names_of_sweeps, sweeps_of
from .row_records import RowRecords
from .statistics import compare, estimates

FALLING = 0.05  # share of images on which an attack may lower the RMSE
_ROUNDING = 1e-3  # by which a mean distance may fall
_RESAMPLES = 2000  # a warning needs no third digit
_WEAKER = 'the attack on the task is no weaker than that on the embedding'
# More of these makes no attack weaker.
_MONOTONE = {
    'eps': 'a larger eps is no weaker',
    'steps': 'more steps are no weaker',
    'restarts': 'more restarts are no weaker',
    'queries': 'more queries are no weaker',
}


@dataclass(frozen=True)
class Check:
    """Something that was looked at.

    Attributes:
        name: What, the same words for all rows.
        row: Name of the row.
        subject: Data, encoder and variant.
        attack: Name of the attack.
        passed: Whether it is as it should be.
        figures: The numbers from which that follows.
    """

    name: str
    row: str
    subject: str
    attack: str
    passed: bool
    figures: str


def checks_of(rows: list[RowRecords]) -> list[Check]:
    """Look at all that is finished.

    Returns:
        A check for each thing and attack, warnings first.
    """
    found = [
        Check(name, records.row.name, records.label, attack, passed, figures)
        for records in rows
        for name, attack, passed, figures in _checked(records)
    ]
    return sorted([*found, *_twins(rows)], key=lambda check: check.passed)


def _checked(records: RowRecords) -> Iterator[tuple[str, str, bool, str]]:
    """Yield name of the check, attack, verdict and figures."""
    for attack in records.finished:
        if attack != CLEAN and not records.settings(attack).averages:  # which climbs nothing
            yield from _gradients(records, attack)
    for attack, checks in records.store.sanity().items():
        for check in checks:
            figures = f'{check["figures"]} (on {counted(records.row.sanity_images, "image")})'
            yield f'{check["name"]}, tried on few images', attack, check['passed'], figures
    yield from _sweeps(records)
    yield from _weaker_than_embedding(records)
    if CLEAN in records.finished:
        for attack in (name for name in records.attacks if not records.settings(name).averages):
            yield from _improved(records, attack)
        yield from _clean(records)


def _gradients(records: RowRecords, attack: str) -> Iterator[tuple[str, str, bool, str]]:
    table, settings = records.read(attack), records.settings(attack)
    # Square has no gradients, and an ensemble leaves images alone: means over all would hide a broken member.
    asked = table[table['backwards'] > 0]
    shares = asked.groupby(asked['member'].fillna(''))['zero_grad'].mean()
    figures = ', '.join(f'{share:.1%} {f"({member})" if member else ""}'.strip() for member, share in shares.items())
    if len(shares):
        passed = bool((shares <= ZERO_GRADIENTS).all())
        yield 'gradients are not zero', attack, passed, f'{figures} of their entries are exactly zero'
    norm, eps = settings.budget
    if norm not in table:  # of a patch, whose pixels may change as they like
        return
    largest = table[norm].max()
    # A ball that no image leaves the middle of was hardly searched.
    reachable = eps if settings.step_size is None else min(eps, (settings.steps or 1) * settings.step_size)
    kept = largest <= eps + SLACK[norm] * max(1, eps) and (largest >= 0.5 * reachable or settings.kind == 'minimal')
    unit, name = (255, '/255') if norm == 'linf' else (1, '')
    figures = f'largest {norm} norm {largest * unit:.4g}{name} of {eps * unit:.4g}{name}'
    yield 'perturbations use the ball and stay in it', attack, bool(kept), figures


def _sweeps(records: RowRecords) -> Iterator[tuple[str, str, bool, str]]:
    for attack, axis, points in sweeps_of(records):
        if axis not in _MONOTONE:
            continue
        if records.settings(attack).reads == 'embedding':  # it knows no task: what it raises is the distance
            yield _MONOTONE[axis], attack, *_distances(records, attack, axis)
            continue
        texts = [_text(x, axis, records.settings(attack).norm) for x, _ in points]
        bad = [
            f'{texts[place + 1]} is weaker than {texts[place]}'
            for place, ((_, weak), (_, strong)) in enumerate(pairwise(points))
            if _better(weak, strong)
        ]
        figures = [f'{text}: {_shown(found)}' for text, (_, found) in zip(texts, points)]
        yield _MONOTONE[axis], attack, not bad, '; '.join([*bad, *figures])


def _text(x: float, axis: str, norm: str) -> str:
    return written(x, norm) if axis == 'eps' else f'{x:g}'


def _distances(records: RowRecords, attack: str, axis: str) -> tuple[bool, str]:
    """Whether the embedding moves the farther the larger the budget, and the mean distances."""
    names = names_of_sweeps(records)[attack, axis]
    images = records.read(names[0])['index']
    points = []
    for name in (attack, *names):
        table = records.read(name).set_index('index').loc[images]
        points.append((records.settings(name).number(axis), table['loss_after'].mean()))
    points.sort()
    figures = [f'{_text(x, axis, records.settings(attack).norm)}: {y:.3g}' for x, y in points]
    growing = all(weak <= strong * (1 + _ROUNDING) for (_, weak), (_, strong) in pairwise(points))
    return growing, f'distance {"; ".join(figures)}'


def _improved(records: RowRecords, attack: str) -> Iterator[tuple[str, str, bool, str]]:
    clean, attacked = records.clean_beside(attack), records.contributions(attack)
    if not np.array_equal(clean.index, attacked.index):
        yield 'clean and attacked images are the same', attack, False, f'{len(clean.index)} and {len(attacked.index)}'
        return
    metric = records.task.metric
    figures = f'{metric.name} {_shown(clean)} clean, {_shown(attacked)} attacked'
    improved = metric.better(attacked.values()[metric.name], clean.values()[metric.name])
    yield 'attacked is no better than clean', attack, not improved, figures
    errs = not metric.higher_is_better and records.settings(attack).reads == 'prediction'
    if errs and len(clean.index):
        falling = np.mean(attacked.parts[:, 0] < clean.parts[:, 0])
        figures = f'it falls on {falling:.1%} of {counted(len(clean.index), "image")}'
        yield f'no {metric.label} falls', attack, bool(falling <= FALLING), figures


def _weaker_than_embedding(records: RowRecords) -> Iterator[tuple[str, str, bool, str]]:
    """Compare each attack on the embedding with the strongest on the task, of the same budget and images."""
    found = {attack: records.contributions(attack) for attack in records.attacks}
    for other in records.attacks:
        rivals = [own for own in records.attacks if _are_rivals(records.settings(own), records.settings(other))]
        rivals = [own for own in rivals if np.array_equal(found[own].index, found[other].index)]
        if rivals:
            own = reduce(partial(_stronger, found), rivals)
            figures = (
                f'{records.task.metric.name} {_shown(found[own])} under {own}, {_shown(found[other])} under {other}'
            )
            yield _WEAKER, own, not _better(found[other], found[own]), figures


def _are_rivals(own: AttackSettings, other: AttackSettings) -> bool:
    """Whether one on the prediction, which wants no certain answer, has the ball of one on the embedding."""
    wanted = own.reads == 'prediction' and 'target' not in own.objective_arguments and other.reads == 'embedding'
    same = own.kind == other.kind and own.in_a_ball and ball(*own.budget) == ball(*other.budget)
    return wanted and same


def _stronger(found: Mapping[str, Contributions], first: str, second: str) -> str:
    metric = found[first].task.metric
    values = [found[attack].values()[metric.name] for attack in (first, second)]
    return second if metric.better(*values) else first


def _clean(records: RowRecords) -> Iterator[tuple[str, str, bool, str]]:
    metric, published = records.task.metric, published_of(records.row, None)
    if published is not None:
        clean = records.contributions(CLEAN)
        found = estimates(clean, _RESAMPLES)[metric.name]
        slack = ROUNDING / 2 * scale_of(metric)
        low, high = (found.value, found.value) if np.isnan(found.low) else (found.low, found.high)
        figures = f'{metric.name} {_shown(clean)} [{low:.3g}, {high:.3g}], published {published:.3g}'
        yield 'clean is as published', CLEAN, low - slack <= published <= high + slack, figures


def _twins(rows: list[RowRecords]) -> Iterator[Check]:
    """Compare clean predictions of rows that say that they are of one model and one set of images."""
    seen: dict[str, RowRecords] = {}
    for records in rows:
        if CLEAN not in records.finished:
            continue
        identity = records.info['identity']
        key = repr([identity.get(name) for name in ('config_hash', 'encoder_sha256', 'head_sha256', 'max_images')])
        first = seen.setdefault(key, records)
        if first is not records:
            one, two = (part.contributions(CLEAN) for part in (first, records))
            same = np.array_equal(one.index, two.index) and np.allclose(one.parts, two.parts, rtol=1e-4)
            figures = f'{_shown(one)} in {first.row.name}, {_shown(two)} in {records.row.name}'
            name = 'clean is the same in all rows of one model'
            yield Check(name, records.row.name, records.label, CLEAN, same, figures)


def _better(first: Contributions, second: Contributions) -> bool:
    """Whether the second is better than the first, by more than images drawn at random explain."""
    metric = first.task.metric
    found = compare(first, second, 'difference', _RESAMPLES)[metric.name]
    return found.low > 0 if metric.higher_is_better else found.high < 0


def _shown(found: Contributions) -> str:
    metric = found.task.metric
    return metric.show(found.values()[metric.name])
