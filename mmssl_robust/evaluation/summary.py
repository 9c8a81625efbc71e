"""What an evaluation leaves behind: a JSON file and a table."""

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from mmengine.config import Config
from rich.box import SIMPLE
from rich.table import Table

from mmssl_robust.attack_settings import AttackSettings, written
from mmssl_robust.utils.json_files import json_digest
from mmssl_robust.utils.precision_notes import precision_note
from mmssl_robust.version import __version__

_LIBRARIES = ('torch', 'torchvision', 'timm', 'numpy', 'mmengine', 'mmcv', 'mmsegmentation', 'mmpretrain')
# What the numbers depend on; the rest of a config says where logs go and how to train.
_HASHED = ('model', 'test_dataloader', 'test_evaluator', 'test_cfg')
_HASHED_IF_THERE = ('bank_dataloader',)  # of heads with a bank alone, so that other configs keep their hash
# Where files lie on this machine, and what only costs time or memory; weights have a hash of their own.
_UNHASHED = {
    'data_root',
    'checkpoint',
    'num_workers',
    'persistent_workers',
    'pin_memory',
    'prefetch_factor',
    'batch_size',
    'active',
    'attack_memory',
}


def metrics_table(metrics: dict[str, float], summary: dict[str, Any], title: str) -> Table:
    """Table of metrics: a row for the clean images, and one for each attack.

    Args:
        metrics: Clean metrics under their names, attacked ones as ``attack/metric``, those of the worst prediction for
            each image as ``worst/metric`` or ``worst-BUDGET/metric``.
        summary: ``loop.summary`` of :class:`mmssl_robust.engine.AttackTestLoop`.
        title: What stands above.
    """
    attacks = summary['attacks']
    worst = {name: (f'{name}/', '', '') for name in (*summary.get('outside', ()), *summary.get('worst', ()))}
    prefixes = tuple(f'{name}/' for name in (*attacks, *worst))
    names = [name for name in metrics if not name.startswith(prefixes)]
    rows = {'clean': ('', '', '')} | {name: (f'{name}/', *_outcome(attack)) for name, attack in attacks.items()} | worst
    table = Table(
        title=title,
        caption='\n'.join(_notes(attacks, summary)),
        box=SIMPLE,
        min_width=76,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column(no_wrap=True)
    columns = []
    for name in names:
        values = [float(metrics[prefix + name]) for prefix, *_ in rows.values()]
        decimals = 2 if max(map(abs, values)) >= 10 else 4  # percentages, or shares and metres
        columns.append([f'{value:.{decimals}f}' for value in values])
        table.add_column(name, justify='right', no_wrap=True)
    table.add_column('success', justify='right')
    table.add_column('fell, rose', justify='right', width=5)
    for (row, (_, *outcome)), cells in zip(rows.items(), zip(*columns)):
        table.add_row(row, *cells, *outcome)
    return table


def _outcome(attack: dict[str, Any]) -> tuple[str, str]:
    """Share of successes, and how many predictions an attack has made worse and better."""
    changes = f'{attack["fell"]}, {attack["rose"]}' if 'fell' in attack else ''
    return '-' if _reads_embedding(attack) else f'{attack["success_rate"]:.1%}', changes


def _reads_embedding(attack: dict[str, Any]) -> bool:
    """Whether an attack succeeds at moving the embedding, which is success at no task."""
    return AttackSettings.from_dict(attack['settings']).reads == 'embedding'


def _averages(attack: dict[str, Any]) -> bool:
    return AttackSettings.from_dict(attack['settings']).averages


def _turned(attack: dict[str, Any]) -> str:
    """What success is of an attack on the embedding: a cosine on the other side of one half."""
    settings = AttackSettings.from_dict(attack['settings'])
    if settings.kind == 'joint':
        return (
            f'of {attack["success_rate"]:.1%} of the images every head is as far from its clean prediction as its scale'
        )
    towards = settings.objective_arguments.get('towards')
    where = 'come within 60 degrees of their aim' if towards else 'turn by more than 60 degrees'
    return f'{attack["success_rate"]:.1%} of the embeddings {where}'


def _smallest(attack: dict[str, Any]) -> str:
    """What a minimal attack has found."""
    settings, median = AttackSettings.from_dict(attack['settings']), attack['median_eps']
    if not attack['curve'][0][1]:
        return 'no image has anything to lose'
    largest = written(settings.eps, settings.norm)
    said = f'is above {largest}' if median is None else f'is {written(median, settings.norm)}'
    left = attack['curve'][-1][1]
    return f'the median eps of images with something to lose {said}; {left:.1%} withstand all up to {largest}'


def _notes(attacks: dict[str, Any], summary: dict[str, Any]) -> list[str]:
    """Lines below the table: what each attack is, and what a reader must know."""
    lines = [
        f'{name}: {AttackSettings.from_dict(attack["settings"]).words()}'
        for name, attack in attacks.items()
        if '/' not in name
    ]
    lines += [
        f'{name}: {_turned(attack)}'
        for name, attack in attacks.items()
        if _reads_embedding(attack) and not _averages(attack)
    ]
    several = [name for name, attack in attacks.items() if attack['settings'].get('members') and _averages(attack)]
    lines += [f'{name}: mean over its rows' for name in several]
    lines += [f'{name}: {_smallest(attack)}' for name, attack in attacks.items() if 'curve' in attack]
    lines += [f'{name}: without the attack, outside the same patches' for name in summary.get('outside', ())]
    if summary.get('worst'):
        lines.append('worst: of each image the worst, clean or under any attack')
    note = precision_note(summary.get('precision', 'fp32'))
    return [*lines, note] if note and attacks else lines


def library_versions() -> dict[str, str]:
    """Versions of Python, this package and the libraries that the numbers depend on."""
    versions = {'python': platform.python_version(), 'mmssl_robust': __version__}
    for name in _LIBRARIES:
        for distribution in (name, f'onedl-{name}'):
            try:
                versions[distribution] = metadata.version(distribution)
            except metadata.PackageNotFoundError:
                continue
    return versions


def cpu_name() -> str:
    """What this machine calls its processor."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else 'CPU'


def config_hash(cfg: Config) -> str:
    """SHA-256 of the parts of a config on which the numbers depend, the same on every machine."""
    known = cfg.to_dict()
    names = [*_HASHED, *(name for name in _HASHED_IF_THERE if name in known)]
    parts = {name: _without_places(known.get(name)) for name in names}
    return json_digest(parts)


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_places(entry) for key, entry in value.items() if key not in _UNHASHED}
    if isinstance(value, (list, tuple)):
        return [_without_places(entry) for entry in value]
    return value
