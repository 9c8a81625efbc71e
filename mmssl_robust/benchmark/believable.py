"""Signs in the records that an attack is weaker than it looks, or that numbers do not belong together."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mmssl_robust.attacks.sanity import ZERO_GRADIENTS
from mmssl_robust.attacks.threat_models import THREAT_MODELS
from mmssl_robust.evaluation.samples import LOWER_IS_BETTER, METRICS, PERCENT, Sample
from mmssl_robust.utils.numbers import parse_number

from .published import ROUNDING, scale_of
from .records import CLEAN
from .results import EMBED, RowRecords, published_of, sweeps_of
from .statistics import compare, estimates

FALLING = 0.05  # share of images on which an attack may lower the RMSE
_SLACK = {name: threat.slack for name, threat in THREAT_MODELS.items()}  # float32
_ROUNDING = 1e-3  # by which a mean distance may fall
_RESAMPLES = 2000  # a warning needs no third digit


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
        Check(name, records.row.name, records.label, *rest) for records in rows for name, *rest in _checked(records)
    ]
    return sorted([*found, *_twins(rows)], key=lambda check: check.passed)


def _checked(records: RowRecords) -> Iterator[tuple[str, str, bool, str]]:
    """Yield name of the check, attack, verdict and figures."""
    for attack in records.finished:
        if attack != CLEAN:
            yield from _gradients(records, attack)
    for attack, checks in records.store.sanity().items():
        for check in checks:
            figures = f'{check["figures"]} (on {records.row.sanity_images} images)'
            yield f'{check["name"]}, tried on few images', attack, check['passed'], figures
    yield from _sweeps(records)
    clean = records.sample(CLEAN) if CLEAN in records.finished else None
    embed = records.sample(EMBED) if EMBED in records.attacks else None
    for attack in records.attacks:
        sample = records.sample(attack)
        if clean is not None:
            yield from _improved(clean, sample, attack)
        if embed is not None and attack != EMBED:
            yield from _weaker_than_embed(embed, sample, attack)
    if clean is not None:
        yield from _clean(records, clean)


def _gradients(records: RowRecords, attack: str) -> Iterator[tuple[str, str, bool, str]]:
    table, settings = records.read(attack), records.settings(attack)
    # Square has no gradients, and an ensemble leaves images alone: means over all would hide a broken member.
    asked = table[table['backwards'] > 0]
    shares = asked.groupby(asked['member'].fillna(''))['zero_grad'].mean()
    figures = ', '.join(f'{share:.1%} {f"({member})" if member else ""}'.strip() for member, share in shares.items())
    if len(shares):
        passed = bool((shares <= ZERO_GRADIENTS).all())
        yield 'gradients are not zero', attack, passed, f'{figures} of their entries are exactly zero'
    norm, eps = settings.get('norm', 'linf'), parse_number(settings['eps'], 'eps')
    largest = table[norm].max()
    # A ball that no image leaves the middle of was hardly searched.
    reachable = min(eps, settings.get('steps', 1) * parse_number(settings.get('step_size', eps), 'step_size'))
    kept = largest <= eps + _SLACK.get(norm, 1e-5) * max(1, eps) and largest >= 0.5 * reachable
    unit, name = (255, '/255') if norm == 'linf' else (1, '')
    figures = f'largest {norm} norm {largest * unit:.4g}{name} of {eps * unit:.4g}{name}'
    yield 'perturbations use the ball and stay in it', attack, bool(kept), figures


def _sweeps(records: RowRecords) -> Iterator[tuple[str, str, bool, str]]:
    names = {'eps': 'a larger eps is no weaker', 'steps': 'more steps are no weaker'}
    for attack, axis, points in sweeps_of(records):
        if attack == EMBED:  # it knows no task: what it raises is the distance
            yield names[axis], attack, *_distances(records, axis)
            continue
        texts = [f'{x * 255:.3g}/255' if axis == 'eps' else f'{x:.0f}' for x, _ in points]
        bad = [
            f'{texts[place + 1]} is weaker than {texts[place]}'
            for place, ((_, weak), (_, strong)) in enumerate(pairwise(points))
            if _better(weak, strong)
        ]
        figures = [f'{text}: {_shown(sample)}' for text, (_, sample) in zip(texts, points)]
        yield names[axis], attack, not bad, '; '.join([*bad, *figures])


def _distances(records: RowRecords, axis: str) -> tuple[bool, str]:
    """Whether the embedding moves the farther the larger the budget, and the mean distances."""
    names = [name for name in records.finished if name.startswith(f'{EMBED}-{axis}-')]
    images = records.read(names[0])['index']
    points = []
    for name in (EMBED, *names):
        table = records.read(name).set_index('index').loc[images]
        points.append((parse_number(records.settings(name)[axis], axis), table['loss_after'].mean()))
    points.sort()
    figures = [f'{x * 255:.3g}/255: {y:.3g}' if axis == 'eps' else f'{x:.0f}: {y:.3g}' for x, y in points]
    growing = all(weak <= strong * (1 + _ROUNDING) for (_, weak), (_, strong) in pairwise(points))
    return growing, f'distance {"; ".join(figures)}'


def _improved(clean: Sample, attacked: Sample, attack: str) -> Iterator[tuple[str, str, bool, str]]:
    if not np.array_equal(clean.index, attacked.index):
        yield 'clean and attacked images are the same', attack, False, f'{len(clean.index)} and {len(attacked.index)}'
        return
    metric = METRICS[clean.task][0]
    figures = f'{metric} {_shown(clean)} clean, {_shown(attacked)} attacked'
    before, after = clean.values()[metric], attacked.values()[metric]
    better = after < before if metric in LOWER_IS_BETTER else after > before
    yield 'attacked is no better than clean', attack, not better, figures
    if clean.task == 'depth' and len(clean.index) and attack != EMBED:
        falling = np.mean(attacked.parts[:, 0] < clean.parts[:, 0])
        yield (
            'no RMSE falls',
            attack,
            bool(falling <= FALLING),
            f'it falls on {falling:.1%} of {len(clean.index)} images',
        )


def _weaker_than_embed(embed: Sample, own: Sample, attack: str) -> Iterator[tuple[str, str, bool, str]]:
    if np.array_equal(embed.index, own.index):
        figures = f'{METRICS[own.task][0]} {_shown(own)} under {attack}, {_shown(embed)} under {EMBED}'
        yield 'the attack on the task is no weaker than that on the embedding', attack, not _better(embed, own), figures


def _clean(records: RowRecords, clean: Sample) -> Iterator[tuple[str, str, bool, str]]:
    row, metric = records.row, METRICS[records.row.task][0]
    published = published_of(row, CLEAN)
    if published is not None:
        found = estimates(clean, _RESAMPLES)[metric]
        slack = ROUNDING / 2 * scale_of(metric)
        low, high = (found.value, found.value) if np.isnan(found.low) else (found.low, found.high)
        figures = f'{metric} {_shown(clean)} [{low:.3g}, {high:.3g}], published {published:.3g}'
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
            one, two = (part.sample(CLEAN) for part in (first, records))
            same = np.array_equal(one.index, two.index) and np.allclose(one.parts, two.parts, rtol=1e-4)
            figures = f'{_shown(one)} in {first.row.name}, {_shown(two)} in {records.row.name}'
            name = 'clean is the same in all rows of one model'
            yield Check(name, records.row.name, records.label, CLEAN, same, figures)


def _better(first: Sample, second: Sample) -> bool:
    """Whether the second is better than the first, by more than images drawn at random explain."""
    metric = METRICS[first.task][0]
    found = compare(first, second, 'difference', _RESAMPLES)[metric]
    return found.high < 0 if metric in LOWER_IS_BETTER else found.low > 0


def _shown(sample: Sample) -> str:
    metric = METRICS[sample.task][0]
    value = sample.values()[metric]
    return f'{value:.1f} %' if metric in PERCENT else f'{value:.3f} m'
