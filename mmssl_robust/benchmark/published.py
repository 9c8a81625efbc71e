"""The numbers of the paper's tables, in the units of the records."""

from functools import cache

import pandas as pd

from mmssl_robust.evaluation.samples import METRICS, PERCENT
from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.errors import UserError

TABLES = ASSETS / 'paper' / 'tables.csv'
ROUNDING = 0.01  # the tables give two digits
_METRICS = {'top1_accuracy': 'accuracy', 'mIoU': 'mIoU', 'RMSE': 'rmse'}


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
        table['value'] *= table['metric'].map(scale_of)
        return table[['task', 'data', 'encoder', 'variant', 'attack', 'metric', 'value']]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f'cannot read {TABLES}: install mmssl_robust again') from error


def scale_of(metric: str) -> float:
    """By what a published number is multiplied: its tables give shares, the records' reports percent."""
    return 100.0 if metric in PERCENT else 1.0


def published_value(task: str, data: str, encoder: str, variant: str, attack: str) -> float | None:
    """Return the published number of the task's first metric, in percent or metres, None if there is none."""
    table = published_tables()
    wanted = dict(
        task=task, data=data, encoder=encoder, variant=variant, attack=attack, metric=METRICS.get(task, [''])[0]
    )
    found = table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    return float(found['value'].iloc[0]) if len(found) else None
