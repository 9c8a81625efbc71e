"""From what a command leaves to records that are small enough for the repository."""

import json
from pathlib import Path
from typing import Any

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.benchmark.report import Content, gather
from mmssl_robust.benchmark.row_records import RowRecords
from mmssl_robust.benchmark.statistics import estimates
from mmssl_robust.robustness_curve import median_size
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.places import without_places

_KINDS = ('result', 'member')


def made_records(out: Path, files: str) -> dict[str, Any]:
    """What JSON files say, by their paths without the suffix; of a suite its numbers by variant and data.

    Args:
        out: Folder of a command.
        files: Pattern of the files in it; ``suite.json`` for a suite.

    Raises:
        UserError: If there are none.
    """
    found = sorted(out.glob(files))
    if not found:
        raise UserError(f'no {files} in {out}: its command has not run to its end')
    if files == 'suite.json':
        return suite_records(gather(out, resamples=10000))
    values = {path.relative_to(out): json.loads(path.read_text(encoding='utf-8')) for path in found}
    return {path.with_suffix('').as_posix(): without_places(value) for path, value in values.items()}


def suite_records(content: Content) -> dict[str, Any]:
    """Numbers of a suite: variant -> data -> attack -> metric, and where they are from.

    A variant is called ``ENCODER, VARIANT`` in a suite of several encoders.
    Beside a metric are ``METRIC low`` and ``METRIC high``, the ends of its 95 % interval. Beside all metrics of an
    attack are ``images``, ``passes`` and ``seconds`` for an image, and of one that seeks the smallest perturbations
    their ``median of 255``. Members of an ensemble are attacks called ``ATTACK/MEMBER``.
    """
    variants: dict[str, Any] = {}
    several = len({records.row.encoder for records in content.begun}) > 1
    for records in content.begun:
        encoder = f'{records.row.encoder}, ' if several else ''
        epoch = '' if records.row.epoch is None else f', epoch {records.row.epoch}'
        data = variants.setdefault(encoder + records.row.variant + epoch, {})
        data.setdefault(records.row.data, {}).update(_attacks(content, records))
    return dict(
        suite=content.suite.name,
        written=content.written,
        records_sha256=content.digest,
        environments=without_places(content.environments()),
        variants=variants,
    )


def _attacks(content: Content, records: RowRecords) -> dict[str, Any]:
    results = content.results[content.results['row'].eq(records.row.name) & content.results['kind'].isin(_KINDS)]
    attacks: dict[str, dict[str, Any]] = {}
    for line in results.to_dict('records'):
        own = attacks.setdefault(line['attack'], dict(images=line['images']))
        own |= _ends(line['metric'], line['value'], line['low'], line['high'])
    costs = content.costs[content.costs['row'] == records.label]
    for line in costs.to_dict('records'):
        attacks[line['attack']] |= dict(passes=line['forwards'] + line['backwards'], seconds=line['seconds'])
    for attack in (name for name in records.attacks if name != CLEAN):
        if records.settings(attack).kind == 'minimal':
            median = median_size(records.sizes(attack).to_numpy())
            attacks[attack]['median of 255'] = None if median is None else 255 * median
        for member, found in records.members(attack).items():
            own = attacks.setdefault(f'{attack}/{member}', {})
            for metric, one in estimates(found, 1).items():
                own.setdefault(metric, one.value)
    return attacks


def _ends(metric: str, value: float, low: float, high: float) -> dict[str, float]:
    return {metric: value, f'{metric} low': low, f'{metric} high': high}
