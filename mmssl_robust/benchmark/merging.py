"""Joining the records of several machines that each made a part of a suite."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmssl_robust.attack_settings import CLEAN, AttackSettings, Sweep
from mmssl_robust.datasets.tolerant import spread
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import whole_file
from mmssl_robust.utils.sole_writer import sole_writer

from .kept_examples import KeptExamples
from .plan import units_of
from .records import RecordStore, differences
from .row_records import store_of
from .shard import SHARDS
from .suite import SUITE_FILE, Row, Suite, read_suite


def shards_of(work_dir: Path) -> list[Path]:
    """The parts of a suite that ``--shard`` has made below its folder."""
    return sorted(path.parent for path in (work_dir / SHARDS).glob(f'*/{SUITE_FILE}'))


def merge(parts: Sequence[Path], out: Path, examples: int) -> list[str]:
    """Join the records of parts of one suite; what is in ``out`` already stays, and may be completed later.

    Args:
        parts: Folders, each as a benchmark wrote it.
        out: Folder of all records, which may be one of them.
        examples: How many of the most and of the least robust images are kept for each attack.

    Returns:
        A line for each row and attack of which something is missing.

    Raises:
        UserError: If there is no part, or they are of different suites, or their records depend on different things,
            or differ, or another process is writing to ``out``.
    """
    if not parts:
        raise UserError(f'there is nothing to merge in {out}: give the --work-dir that --shard had, or --from')
    suite = _one_suite(parts)
    suite.write(out)
    missing = []
    for row in suite.rows:
        stores = [store for store in (store_of(row, part) for part in parts) if store.info()]
        if stores:
            target = store_of(row, out)
            with sole_writer(target.folder):
                missing += _merge_row(row, stores, target, examples)
        else:
            missing.append(f'{row.name}: nothing of it')
    return missing


def _one_suite(parts: Sequence[Path]) -> Suite:
    """The suite of which these are parts, with the commands that made them."""
    suites = [read_suite(part) for part in parts]
    for part, suite in zip(parts, suites):
        ours, theirs = (json.dumps(asdict(each.made_by('')), default=str) for each in (suites[0], suite))
        if ours != theirs:
            raise UserError(
                f'{parts[0]} and {part} are of different suites: run all parts by one suite file and the same options'
            )
    commands = dict.fromkeys(re.sub(r'(--shard[ =])\d+/', r'\1I/', suite.command) for suite in suites)
    return suites[0].made_by('\n'.join(commands))


def _merge_row(row: Row, stores: Sequence[RecordStore], target: RecordStore, examples: int) -> list[str]:
    infos = [store.info() for store in stores]
    for store, info in zip(stores, infos):
        _refuse_others(stores[0], infos[0], store, info)
    skipped = sorted({message for info in infos for message in info.get('skipped', ())})
    machines = [machine for info in (*infos, target.info()) for machine in info.get('environments', ())]
    facts = {key: value for info in infos for key, value in info.items() if key not in ('identity', 'attacks')}
    facts |= dict(environments=[m for place, m in enumerate(machines) if m not in machines[:place]], skipped=skipped)
    target.open(infos[0]['identity'], facts)
    for info in infos:
        for name, attack in info['attacks'].items():
            settings, sweep = attack.get('settings'), attack.get('sweep')
            target.begin(
                name, attack['config'], settings and AttackSettings.from_dict(settings), sweep and Sweep(**sweep)
            )
    for store in stores:
        for name in (CLEAN, *row.attacks):
            target.take(store, name)
            _take_examples(store.folder / 'examples' / name, target.folder / 'examples' / name, examples)
        _take_files(store.folder / 'skipped', target.folder / 'skipped')
    checks = [checks for store in (target, *stores) for checks in store.sanity().items()]
    if checks:
        target.write_sanity(dict(checks))
    return _finish(row, target)


def _refuse_others(first: RecordStore, known: dict[str, Any], store: RecordStore, info: dict[str, Any]) -> None:
    attacks = {name: attack['config'] for name, attack in known['attacks'].items()}
    others = {name: attack['config'] for name, attack in info['attacks'].items() if name in attacks}
    differing = differences(known['identity'], info['identity'])
    differing += differences({name: attacks[name] for name in others}, others)
    if differing:
        raise UserError(
            f'{first.folder} and {store.folder} do not belong together: the first was made with '
            f'{"; ".join(differing)}; leave one out, or make it again'
        )


def _finish(row: Row, store: RecordStore) -> list[str]:
    """Join the batches of attacks of which all are there; returns a line for each other one."""
    missing = []
    info = store.info()
    for name in (name for name in (CLEAN, *row.attacks) if not store.is_finished(name)):
        units = _units(row, name, info)
        done = len(store.done(name))
        if units and done == units:
            store.finish(name, units)
        else:
            missing.append(f'{row.name}, {name}: {done} of {units or "?"} batches')
    return missing


def _units(row: Row, attack: str, info: dict[str, Any]) -> int:
    """Into how many batches the images of an attack are cut; 0 if that is not known yet."""
    images, batch_size = info.get('images', 0), info['identity']['batch_size']
    swept = spread(images, row.sweep_images) if attack in row.sweeps else range(images)
    return len(units_of(list(swept), batch_size))


def _take_examples(source: Path, target: Path, size: int) -> None:
    if source.is_dir():
        _take_files(source, target)
        KeptExamples(target, size).tidy()


def _take_files(source: Path, target: Path) -> None:
    for path in source.glob('[!.]*'):
        if not (target / path.name).exists():
            with whole_file(target / path.name) as partial:
                shutil.copyfile(path, partial)
