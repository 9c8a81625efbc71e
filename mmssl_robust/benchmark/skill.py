"""Models on one data set by their skill under attack."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.tasks import Contributions, Task, task_named
from mmssl_robust.tasks.skill import skill
from mmssl_robust.utils.errors import UserError

from .row_records import RowRecords
from .statistics import Estimate, drawn_metrics, unanimous, with_intervals


@dataclass(frozen=True)
class Contest:
    """Models on one data set, on the images that all of them saw.

    Attributes:
        task: Name of the task.
        data: What the data set is called.
        images: How many there are.
        chance: The task's first metric of who never looks at an image; None if it is not known.
        reference: The model that is best on clean images.
        clean: Model -> metric on clean images.
        attacked: Model -> metric in the worst case over the clean images and all attacks.
        skill: Model -> skill under attack, see :func:`mmssl_robust.tasks.skill.skill`.
        drawn: Skills (r, n) of bootstrap resamples of the images, the same for all models.
    """

    task: str
    data: str
    images: int
    chance: float | None
    reference: str
    clean: dict[str, float]
    attacked: dict[str, float]
    skill: dict[str, Estimate]
    drawn: np.ndarray

    @property
    def name(self) -> str:
        """What to call it."""
        return f'{self.task}, {self.data}'

    @property
    def is_scored(self) -> bool:
        """Whether there is a skill: chance is known, and the reference better than that."""
        return not np.isnan(self.skill[self.reference].value)

    @property
    def why_unscored(self) -> str:
        """Why there is no skill."""
        if self.chance is None:
            return 'what chance is does not follow from its records'
        return 'no model is better than chance on clean images'

    @property
    def metric(self) -> str:
        """Name of the metric."""
        return task_named(self.task).metric.name


def model_of(records: RowRecords) -> str:
    """What a row's model is called: encoder, and variant and epoch where they say something."""
    row = records.row
    epoch = '' if row.epoch is None else f'epoch {row.epoch}'
    return ', '.join(filter(None, (row.encoder, '' if row.variant == 'Standard' else row.variant, epoch)))


def contest_of(rows: Sequence[RowRecords], resamples: int = 10000, seed: int = 0) -> Contest:
    """Compare finished rows of one task and data set.

    Args:
        rows: With clean images and all attacks finished; images of the same index are the same.
        resamples: Of the bootstrap; the reference and its clean value are drawn along, chance is not.
        seed: Of its random numbers.

    Raises:
        UserError: If two have one name, other classes, or no image in common.
        ValueError: If one is unfinished.
    """
    models, task = [model_of(records) for records in rows], rows[0].task
    if len(set(models)) < len(models):
        raise UserError(f'two rows of {task.name}, {rows[0].row.data} are of one model: give one another variant')
    attacked = [records.attacked for records in rows if records.attacked is not None]
    if len(attacked) < len(rows):
        raise ValueError('a row is unfinished')
    clean = [records.contributions(CLEAN) for records in rows]
    attacked, clean = _common([*attacked, *clean], rows)
    values = [[part.values()[task.metric.name] for part in parts] for parts in (clean, attacked)]
    best = max(range(len(rows)), key=lambda place: values[0][place] * (1 if task.metric.higher_is_better else -1))
    records = rows[best].read(CLEAN)
    chance = task.chance(records[records['index'].isin(clean[best].index)])

    def skills(parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
        found = [task.metric_values(part, weights)[:, 0] for part in np.split(parts, len(models) + 1, axis=1)]
        return skill(np.stack(found[:-1], axis=1), np.nan if chance is None else chance, found[-1][:, None], task)

    parts = np.hstack([part.parts for part in (*attacked, clean[best])])
    points = skills(parts, np.ones((1, len(parts))))[0].tolist()
    drawn = drawn_metrics(parts, skills, resamples, seed)
    estimated = with_intervals(dict(zip(models, points)), drawn, len(parts))
    for model, value in zip(models, values[1]):
        if chance is not None and task.metric.is_share and value in (0, 100):
            estimated[model] = _unanimous(estimated[model], value, chance, values[0][best], task)
    return Contest(
        task=task.name,
        data=rows[0].row.data,
        images=len(parts),
        chance=chance,
        reference=models[best],
        clean=dict(zip(models, values[0])),
        attacked=dict(zip(models, values[1])),
        skill=estimated,
        drawn=drawn,
    )


def _common(parts: Sequence[Contributions], rows: Sequence[RowRecords]) -> tuple[list[Contributions], ...]:
    """Attacked and clean parts of the images of which all have parts."""
    where = f'{rows[0].task.name}, {rows[0].row.data}'
    index = set.intersection(*(set(part.index) for part in parts))
    if not index:
        raise UserError(f'the rows of {where} have no image in common: evaluate them on the same images')
    if len({part.parts.shape[1] for part in parts}) > 1:
        raise UserError(f'the rows of {where} have different classes: evaluate them on the same data')
    chosen = [part.only(np.array(sorted(index))) for part in parts]
    return chosen[: len(rows)], chosen[len(rows) :]


def _unanimous(estimate: Estimate, value: float, chance: float, clean: float, task: Task) -> Estimate:
    """The interval of a skill of which no image says otherwise."""
    exact = unanimous(replace(estimate, value=value))
    low, high = skill(np.array([exact.low, exact.high]), chance, np.array(clean), task).tolist()
    return replace(exact, value=estimate.value, low=low, high=high)
