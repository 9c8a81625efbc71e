"""What a benchmark consists of: rows, each one model on one data set, and attacks. Nothing here imports OpenMMLab."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mmssl_robust.attack_settings import Sweep
from mmssl_robust.tasks import Task, task_named
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.fields import check_fields
from mmssl_robust.utils.files import check_regular
from mmssl_robust.utils.foreign_files import is_below, is_file_name
from mmssl_robust.utils.json_files import write_json
from mmssl_robust.utils.numbers import check_integer

from .old_records import old_sweeps
from .schema import check_version

SUITE_FILE, SCHEMA_VERSION = 'suite.json', 1
_LEAST = dict(epoch=0, max_images=1, sweep_images=1, sanity_images=0, batch_size=1)


@dataclass(frozen=True)
class Row:
    """One model on one data set.

    Attributes:
        config: Path of the task's config, from the suite file, from here or from the package.
        task: Name of the task, see :data:`mmssl_robust.tasks.TASKS`.
        data: What to call the data set, as in the published tables.
        encoder: What to call the encoder, likewise.
        variant: ``'Standard'``, ``'DeACL'``, ...; empty where nobody names one.
        name: Folder of its records; by default the config's name and the variant.
        head: Path or URL of the head's weights; of a training's checkpoint its head alone, unless the two were trained
            together. None for one that is trained when it is missing, or needs no training.
        checkpoint: Path or URL of the encoder's weights in place of the config's.
        spec: Encoder by name in place of the config's, see :func:`mmssl_robust.encoders.parse_spec`.
        epoch: Epochs of adversarial fine-tuning, where the row is a point of the paper's figure 2.
        max_images: Take this many, evenly spread over the data set; None for all.
        sweep_images: Likewise for the attacks of the suite's sweeps.
        sanity_images: On how many images the attacks are checked, see :mod:`mmssl_robust.attacks.sanity`.
        batch_size: Images at a time; None for the config's.
        attacks: Name -> config of an attack.
        sweeps: Those of the attacks that are another one but for one number, such as ``eps``.
        folder: That of the suite file, where the config lies there.

    Raises:
        UserError: If its name, or an attack's, is that of no file below the records, or a value is of another type or
            out of range.
    """

    config: str
    task: str
    data: str
    encoder: str
    variant: str = 'Standard'
    name: str = ''
    head: str | None = None
    checkpoint: str | None = None
    spec: str | None = None
    epoch: int | None = None
    max_images: int | None = None
    sweep_images: int | None = None
    sanity_images: int = 0
    batch_size: int | None = None
    attacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    folder: str = ''

    def __post_init__(self) -> None:
        check_fields(self)
        for name, least in _LEAST.items():
            if getattr(self, name) is not None:
                check_integer(getattr(self, name), name, least)
        if self.name and not is_file_name(self.name):
            raise UserError(f'a row is named {self.name!r}, as which no folder can be made: give it another name')
        for attack in self.attacks:
            if not is_below(attack):
                raise UserError(f'an attack is named {attack!r}, as which no file can be made: rename it')

    @property
    def task_object(self) -> Task:
        """The task.

        Raises:
            UserError: If it is unknown.
        """
        return task_named(self.task)

    def is_of_the_model(self, other: 'Row') -> bool:
        """Whether another row is of the same task, data and encoder."""
        return (self.task, self.data, self.encoder) == (other.task, other.data, other.encoder)


@dataclass(frozen=True)
class Suite:
    """Rows that are shown together.

    Attributes:
        name: The name of its file.
        title: What stands above its report.
        rows: In the order of the tables.
        embedded_data: Whether it is meant for the photographs that ship with the package.
        command: What was typed to run it.

    Raises:
        UserError: If a value is of another type.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    embedded_data: bool = False
    command: str = ''

    def __post_init__(self) -> None:
        check_fields(self)

    def made_by(self, command: str) -> 'Suite':
        """The suite with what was typed to run it."""
        return replace(self, command=command)

    def write(self, folder: Path) -> None:
        """Write what a report needs to know, as ``suite.json``."""
        write_json(dict(schema_version=SCHEMA_VERSION, **asdict(self)), folder / SUITE_FILE)


def read_suite(folder: Path) -> Suite:
    """Read what :meth:`Suite.write` wrote, also in an older version, which says none.

    Raises:
        UserError: If there is none, it is damaged, or from a newer version of this package.
    """
    path = Path(folder) / SUITE_FILE
    check_regular(path)
    try:
        values = json.loads(path.read_text())
        version = values.pop('schema_version', SCHEMA_VERSION)
    except FileNotFoundError as error:
        raise UserError(f'no {SUITE_FILE} in {folder}: give the --work-dir of `mmssl-robust benchmark`') from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f'{path} is damaged: {first_line(error)}') from error
    check_version(version, (SCHEMA_VERSION,), path)
    try:
        rows = tuple(_row(row) for row in values.pop('rows'))
        if not rows:
            raise ValueError('it has no rows')
        return Suite(rows=rows, **values)
    except (ValueError, TypeError, KeyError, AttributeError, UserError) as error:
        raise UserError(f'{path} is damaged: {first_line(error)}') from error


def _row(values: dict[str, Any]) -> Row:
    sweeps, attacks = values['sweeps'], values['attacks']
    if not values['name']:
        raise ValueError('a row has no name')
    if isinstance(sweeps, list):
        sweeps = old_sweeps(attacks, sweeps)
    else:
        sweeps = {name: Sweep(**sweep) for name, sweep in sweeps.items()}
    return Row(**{**values, 'sweeps': sweeps})
