"""What a benchmark consists of: rows, each one model on one data set, and attacks."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmssl_robust.config_files import configs_in
from mmssl_robust.presets import load_preset
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.json_files import write_json

from .records import CLEAN

TASKS = ('classification', 'segmentation', 'depth')
SUITE_FILE = 'suite.json'


@dataclass(frozen=True)
class Row:
    """One model on one data set.

    Attributes:
        config: Path of the task's config, from here or from the package.
        task: ``'classification'``, ``'segmentation'`` or ``'depth'``.
        data: What to call the data set, as in the published tables.
        encoder: What to call the encoder, likewise.
        variant: ``'Standard'``, ``'DeACL'``, ...
        name: Folder of its records; by default the config's name and the variant.
        head: Path or URL of the head's weights; None for one that is trained when it is missing.
        checkpoint: Path or URL of the encoder in place of the config's.
        epoch: Epochs of adversarial fine-tuning, where the row is a point of the paper's figure 2.
        max_images: Take this many, evenly spread over the data set; None for all.
        sweep_images: Likewise for the attacks of the suite's sweeps.
        sanity_images: On how many images the attacks are checked, see :mod:`mmssl_robust.attacks.sanity`.
        batch_size: Images at a time; None for the config's.
        attacks: Name -> config of an attack.
        sweeps: Names of the attacks that belong to accuracy against eps or against steps.
    """

    config: str
    task: str
    data: str
    encoder: str
    variant: str = 'Standard'
    name: str = ''
    head: str | None = None
    checkpoint: str | None = None
    epoch: int | None = None
    max_images: int | None = None
    sweep_images: int | None = None
    sanity_images: int = 0
    batch_size: int | None = None
    attacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    sweeps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suite:
    """Rows that are shown together.

    Attributes:
        name: The name of its file.
        title: What stands above its report.
        rows: In the order of the tables.
        embedded_data: Whether it is meant for the photographs that ship with the package.
        command: What was typed to run it.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    embedded_data: bool = False
    command: str = ''

    def write(self, folder: Path) -> None:
        """Write what a report needs to know, as ``suite.json``."""
        write_json(asdict(self), folder / SUITE_FILE)


# A score that is right or wrong says little of one image; maps of pixels say more, and cost more.
_SANITY_IMAGES = dict(classification=8, segmentation=1, depth=2)
# The attacks of the paper's tables 1 to 3.
_ATTACKS = dict(classification=('embed', 'pgd'), segmentation=('embed', 'segpgd'), depth=('embed', 'depthpgd'))


def suites() -> dict[str, Path]:
    """Name -> file of each suite that ships with the package."""
    return configs_in('configs/benchmarks')


def load_suite(name: str) -> Suite:
    """Read a suite.

    A suite file has a ``title``, and either ``suites``, names of others whose rows it joins, or ``rows``: a list of
    dicts with the fields of :class:`Row`, of which ``attacks`` is a list of presets, or a dict name -> settings to
    change (``preset`` names the preset where the name does not), by default the paper's for the task.
    ``row_defaults`` is what all rows share. ``sweeps = dict(eps=[...], steps=[...])`` repeats each attack with other
    budgets; ``embedded_data = True`` says that it is meant for the photographs that ship with the package.

    Args:
        name: ``'paper_table1'``, ``'mini'``, ..., or the path of a file.

    Raises:
        UserError: If there is no such suite, or it cannot be used.
    """
    known = suites()
    path = known.get(name, Path(name))
    if not path.is_file():
        raise UserError(f'unknown suite {name!r}: use one of {", ".join(known)}, or the path of a suite file')
    try:
        cfg = Config.fromfile(path).to_dict()
    except Exception as error:  # a config is a program: anything can go wrong in it
        raise UserError(f'cannot use the suite {path}: {first_line(error)}') from error
    rows = [row for part in cfg.get('suites', ()) for row in load_suite(part).rows]
    for settings in cfg.get('rows', ()):
        rows.append(_row({**cfg.get('row_defaults', {}), **settings}, cfg.get('sweeps', {}), path))
    if not rows:
        raise UserError(f'the suite {path} has neither rows nor suites')
    return Suite(path.stem, cfg.get('title', path.stem), _distinct(rows, path), cfg.get('embedded_data', False))


def read_suite(folder: Path) -> Suite:
    """Read what :meth:`Suite.write` wrote.

    Raises:
        UserError: If there is none, or it is damaged.
    """
    path = Path(folder) / SUITE_FILE
    try:
        values = json.loads(path.read_text())
        rows = tuple(Row(**{**row, 'sweeps': tuple(row['sweeps'])}) for row in values.pop('rows'))
        return Suite(rows=rows, **values)
    except FileNotFoundError as error:
        raise UserError(f'no {SUITE_FILE} in {folder}: give the --work-dir of tools/benchmark.py') from error
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f'{path} is damaged: {first_line(error)}') from error


def _row(settings: dict[str, Any], sweeps: Mapping[str, list[Any]], path: Path) -> Row:
    task = settings.get('task')
    if task not in TASKS:
        raise UserError(f'a row of {path} has the task {task!r}: use one of {", ".join(TASKS)}')
    wanted = settings.pop('attacks', None)
    wanted = _ATTACKS[task] if wanted is None else wanted
    changes = wanted if isinstance(wanted, Mapping) else {attack: {} for attack in wanted}
    attacks = {}
    for attack, change in changes.items():
        if attack == CLEAN:
            raise UserError(f'an attack in {path} is named {CLEAN!r}, which is the name of none: rename it')
        change = dict(change)
        attacks[attack] = load_preset(change.pop('preset', attack), **change)
    swept = _swept(attacks, sweeps)
    default = f'{Path(settings.get("config", "")).stem}-{settings.get("variant", "Standard")}'.lower()
    if settings.get('epoch') is not None:
        default += f'-epoch{settings["epoch"]}'
    settings.setdefault('name', default)
    settings.setdefault('sanity_images', _SANITY_IMAGES[task])
    try:
        return Row(attacks=attacks | swept, sweeps=tuple(swept), **settings)
    except TypeError as error:
        raise UserError(f'a row of {path} cannot be used: {first_line(error)}') from error


def _swept(attacks: Mapping[str, dict[str, Any]], sweeps: Mapping[str, list[Any]]) -> dict[str, dict[str, Any]]:
    """The attacks with other budgets; a value that an attack has already needs no second run."""
    return {
        f'{attack}-{key}-{str(value).replace("/", "of")}': {**settings, key: value}
        for key, values in sweeps.items()
        for attack, settings in attacks.items()
        for value in values
        if settings[key] != value
    }


def _distinct(rows: list[Row], path: Path) -> tuple[Row, ...]:
    """The rows, of which several suites may name the same."""
    by_name: dict[str, Row] = {}
    for row in rows:
        if by_name.setdefault(row.name, row) != row:
            raise UserError(f'two rows of {path} are called {row.name!r} and differ: give one another name')
    labels: dict[tuple, str] = {}
    for row in by_name.values():
        label = (row.task, row.data, row.encoder, row.variant, row.epoch)
        if labels.setdefault(label, row.name) != row.name:
            raise UserError(
                f'the rows {labels[label]!r} and {row.name!r} of {path} have one data, encoder, variant and epoch, and '
                'no table could tell them apart: give one another variant'
            )
    return tuple(by_name.values())
