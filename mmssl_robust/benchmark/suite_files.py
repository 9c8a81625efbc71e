"""Suites as files: those that ship with the package, and one's own."""

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mmssl_robust.building import build_attack
from mmssl_robust.encoders import parse_spec
from mmssl_robust.presets import check_names, load_presets, swept
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.config_files import SUITES, configs_in, read_config
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.names import nearest
from mmssl_robust.utils.wording import listed

from .suite import Row, Suite


def suites() -> dict[str, Path]:
    """Name -> file of each suite that ships with the package."""
    return configs_in(SUITES)


_SETTINGS: dict[str, tuple[type, str]] = dict(
    title=(str, 'a text'),
    rows=(list, 'a list of dicts'),
    suites=(list, 'a list of names or paths'),
    row_defaults=(dict, 'a dict'),
    sweeps=(dict, 'a dict, setting -> list of values'),
    embedded_data=(bool, 'True or False'),
)


def load_suite(name: str, within: tuple[Path, ...] = ()) -> Suite:
    """Read a suite.

    A suite file has a ``title``, and either ``suites``, names or paths of others whose rows it joins, or ``rows``: a
    list of dicts with the fields of :class:`Row`, of which ``attacks`` is a list of presets, or a dict name -> settings
    to change (``preset`` names the preset where the name does not), by default the paper's for the task.
    ``row_defaults`` is what all rows share. ``sweeps = dict(eps=[...], steps=[...], restarts=[...])`` repeats each
    attack that has the setting with other numbers; ``embedded_data = True`` says that it is meant for the photographs
    that ship with the package. ``custom_imports`` may name Python files beside it, which define tasks, attacks and the
    like. Paths of configs, presets, suites and of encoders' ``FILE.py:FUNCTION`` are meant from the file on.

    Args:
        name: ``'paper_table1'``, ``'mini'``, ..., or the path of a file.
        within: The files of the suites of which it is a part.

    Raises:
        UserError: If there is no such suite, or it cannot be used, or it is a part of itself.
    """
    known = suites()
    path = known.get(name, Path(name))
    if not path.is_file():
        raise UserError(f'unknown suite {name!r}{nearest(name, known)} (or the path of a suite file)')
    if path.resolve() in within:
        raise UserError(f'the suite {path} is a part of itself: take it out of its suites')
    cfg = read_config(path).to_dict()
    for key, (kind, words) in _SETTINGS.items():
        if not isinstance(cfg.get(key, kind()), kind):
            raise UserError(f'the suite {path} says {key}={cfg[key]!r}: give {words}')
    if wrong := [entry for entry in cfg.get('rows', ()) if not isinstance(entry, dict)]:
        raise UserError(f'the suite {path} has {wrong[0]!r} among its rows: give dicts with the fields of a row')
    parts = [path.parent / str(part) if str(part).endswith('.py') else part for part in cfg.get('suites', ())]
    rows = [row for part in parts for row in load_suite(str(part), (*within, path.resolve())).rows]
    for settings in cfg.get('rows', ()):
        rows.append(_row({**cfg.get('row_defaults', {}), **settings}, cfg.get('sweeps', {}), path))
    if not rows:
        raise UserError(f'the suite {path} has neither rows nor suites')
    return Suite(path.stem, cfg.get('title', path.stem), _distinct(rows, path), cfg.get('embedded_data', False))


def _row(settings: dict[str, Any], sweeps: Mapping[str, list[Any]], path: Path) -> Row:
    if not isinstance(settings.get('config', ''), str):
        raise UserError(f'a row of {path} cannot be used: config={settings["config"]!r}: give a path')
    if own := [name for name in ('sweeps', 'folder') if name in settings]:
        raise UserError(f'a row of {path} says {own[0]}, which is for the suite: write it beside rows')
    try:
        task = task_named(settings.get('task', ''))
        attacks = _attacks(task.attacks if settings.get('attacks') is None else settings['attacks'], path)
        variants = swept(attacks, sweeps)
    except UserError as error:
        raise UserError(f'a row of {path} cannot be used: {error}') from error
    default = f'{Path(settings.get("config", "")).stem}-{settings.get("variant", "Standard")}'.lower()
    if settings.get('epoch') is not None:
        default += f'-epoch{settings["epoch"]}'
    if settings.get('name') in (None, ''):
        settings['name'] = default
    if (path.parent / settings.get('config', '')).is_file():
        settings['folder'] = str(path.parent.resolve())
    settings.setdefault('sanity_images', task.sanity_images)
    try:
        if settings.get('spec'):
            settings['spec'] = _spec_beside(settings['spec'], path)
        configs = {name: config for name, (config, _) in variants.items()}
        places = {name: sweep for name, (_, sweep) in variants.items()}
        return Row(**settings | dict(attacks=attacks | configs, sweeps=places))
    except (TypeError, UserError) as error:
        raise UserError(f'a row of {path} cannot be used: {first_line(error)}') from error


def _spec_beside(text: str, path: Path) -> str:
    """A spec whose file of one's own, ``FILE.py:FUNCTION``, is meant from the suite's file on."""
    spec = parse_spec(text)
    if spec.source != 'file':
        return text
    file, _, function = spec.name.rpartition(':')
    found = (path.parent / Path(file).expanduser()).resolve()
    if not found.is_file():
        raise UserError(f'the spec {text} names no file: paths are meant from {path.parent.resolve()} on')
    return str(replace(spec, name=f'{found}:{function}'))


def _attacks(wanted: Any, path: Path) -> dict[str, dict[str, Any]]:
    """Name -> config of each attack, which can be built."""
    attacks = load_presets(wanted, path.parent)
    check_names(attacks)
    for config in attacks.values():
        build_attack(config)
    return attacks


def _own_name(row: Row) -> str:
    """A name of a row that says of which encoder it is."""
    return re.sub(r'[^a-z0-9]+', '-', f'{Path(row.config).stem} {row.encoder} {row.variant}'.lower())


def _distinct(rows: list[Row], path: Path) -> tuple[Row, ...]:
    """The rows, of which several suites may name the same."""
    by_name: dict[str, Row] = {}
    for row in rows:
        if by_name.setdefault(row.name, row) != row:
            first = asdict(by_name[row.name])
            differing = [key for key, value in asdict(row).items() if value != first[key]]
            raise UserError(
                f'two rows of {path} are called {row.name!r} and differ in {listed(differing)}: give each a name of '
                f'its own, such as name={_own_name(row)!r}'
            )
    labels: dict[tuple, str] = {}
    for row in by_name.values():
        label = (row.task, row.data, row.encoder, row.variant, row.epoch)
        if labels.setdefault(label, row.name) != row.name:
            raise UserError(
                f'the rows {labels[label]!r} and {row.name!r} of {path} have one data, encoder, variant and epoch, and '
                'no table could tell them apart: give one another variant'
            )
    return tuple(by_name.values())
