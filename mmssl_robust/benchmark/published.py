"""The numbers of the paper's tables, in the units of the records."""

from functools import cache
from math import isclose

import pandas as pd

from mmssl_robust.attack_settings import CLEAN, AttackSettings
from mmssl_robust.tasks import TASKS, Metric
from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.errors import UserError

from .suite import Row

TABLES = ASSETS / 'paper' / 'tables.csv'
ROUNDING = 0.01  # the tables give two digits
_METRICS = {'top1_accuracy': 'accuracy', 'mIoU': 'mIoU', 'RMSE': 'rmse'}
# Sec. 3 of the paper: PGD on these objectives, by the names of its columns.
_COLUMNS = {'EmbeddingDistance': 'embed', 'CrossEntropy': 'pgd', 'SegPGDLoss': 'segpgd', 'DepthLoss': 'depthpgd'}
_OPTIMISERS = ('PGD', 'EmbedAttack', 'SegPGD', 'DepthPGD')
# Which of these the paper does not change.
_PLAIN = dict(restarts=1, momentum=0, random_start=True, eot_samples=1, stop_at_success=False)
_EPS, _STEP_SIZE, _STEPS = 8 / 255, 2 / 255, 20


@cache
def published_tables() -> pd.DataFrame:
    """Read tables 1 to 3 of the paper.

    Returns:
        A row for each number: ``task``, ``data``, ``encoder``, ``variant``, ``attack``, ``metric`` and ``value``, in
        percent or metres.

    Raises:
        UserError: If the file that ships with the package is missing or damaged.
    """
    try:
        table = pd.read_csv(TABLES).rename(columns={'dataset': 'data', 'encoder_type': 'variant'})
        table['metric'] = table['metric'].map(_METRICS)
        table['value'] *= [scale_of(TASKS[task].metric) for task in table['task']]
        return table[['task', 'data', 'encoder', 'variant', 'attack', 'metric', 'value']]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f'cannot read {TABLES}: install mmssl_robust again') from error


def scale_of(metric: Metric) -> float:
    """By what a published number is multiplied: its tables give shares, the records' reports percent."""
    return 100.0 if metric.unit == '%' else 1.0


def published_of(row: Row, attack: AttackSettings | None) -> float | None:
    """The published number beside which a result may stand: of the same attack, on all images.

    What is published is the metric on attacked images: an image that an attack makes right counts as right.

    Args:
        row: The row.
        attack: What the attack is; None for none.
    """
    if row.epoch is not None or row.max_images is not None:
        return None
    column = CLEAN if attack is None else _column_of(attack)
    return published_value(row.task, row.data, row.encoder, row.variant, column) if column else None


def published_value(task: str, data: str, encoder: str, variant: str, attack: str) -> float | None:
    """Return the published number of the task's first metric, in percent or metres, None if there is none."""
    table = published_tables()
    wanted = dict(task=task, data=data, encoder=encoder, variant=variant, attack=attack)
    found = table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    return float(found['value'].iloc[0]) if len(found) else None


def _column_of(attack: AttackSettings) -> str | None:
    """Name of the paper's attack, whatever it is called here; None if it is another."""
    lengths = ((attack.eps, _EPS), (attack.step_size or 0, _STEP_SIZE))
    same = attack.attack in _OPTIMISERS and attack.norm == 'linf' and attack.steps == _STEPS
    same = same and all(isclose(own, papers, rel_tol=1e-6) for own, papers in lengths)
    same = same and all(attack.arguments.get(name, value) == value for name, value in _PLAIN.items())
    same = same and attack.objective_arguments.get('tokens', 'task') == 'task'
    return _COLUMNS.get(attack.objective) if same else None
