"""The worst of several attacks, image by image, from per-image records.

The records of an attack that comes later are joined with those of the earlier ones; nothing runs again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .samples import ratio


@dataclass(frozen=True)
class WorstCase:
    """What an attacker reaches who may choose an attack for each image.

    Attributes:
        records: One row of the given ones for each image.
        miou: Segmentation: the mIoU of that choice in percent; else None.
        bound: Segmentation: a mIoU in percent that no choice can go below; else None.
    """

    records: pd.DataFrame
    miou: float | None = None
    bound: float | None = None


def by_budget(attacks: Mapping[str, tuple[str, float]]) -> dict[str, list[str]]:
    """Group attacks that one attacker may choose among: those of one ball.

    Args:
        attacks: Name -> norm and eps.

    Returns:
        What to call a budget, such as ``'linf-8/255'`` or ``'l2-0.5'`` -> names; ``''`` if there is one budget only.
    """
    groups: dict[str, list[str]] = {}
    for name, (norm, eps) in attacks.items():
        size = f'{255 * eps:.4g}/255' if norm == 'linf' else f'{eps:.4g}'
        groups.setdefault(f'{norm}-{size}', []).append(name)
    return groups if len(groups) > 1 else {'': list(attacks)}


def worst_of(records: pd.DataFrame, task: str) -> WorstCase:
    """Choose for each image the row that harms the metric of the task most.

    For accuracy and depth the choice is image by image and exact. The mIoU is a ratio of sums over images, so that
    what is worst for an image depends on the others: the choice begins with the lowest pixel accuracies and changes
    one image at a time, pass after pass, until nothing lowers the mIoU.

    Args:
        records: Rows with the columns of :data:`~mmssl_robust.benchmark.records.SCHEMA` that belong to the task, any
            number for each ``index``.
        task: ``'classification'``, ``'segmentation'`` or ``'depth'``.

    Returns:
        The choice, by ascending ``index``.

    Raises:
        ValueError: If images have unequal numbers of rows, which is a choice that only some have.
    """
    counts = records.groupby('index').size()
    if counts.nunique() > 1:
        raise ValueError(f'images have {counts.min()} to {counts.max()} records: each must meet the same attacks')
    if task == 'segmentation' and len(records):
        return _worst_overlap(records)
    return WorstCase(_lowest(records, task))


def _lowest(records: pd.DataFrame, task: str) -> pd.DataFrame:
    columns = ['index', 'quality']
    if task == 'classification':
        records = records.assign(right=records['label'] == records['prediction'])
        columns = ['index', 'right', 'quality']
    ordered = records.sort_values(columns, kind='stable', na_position='first')
    return ordered.drop_duplicates('index').drop(columns=['right'], errors='ignore')


def _worst_overlap(records: pd.DataFrame) -> WorstCase:
    ordered = records.sort_values('index', kind='stable')
    images = ordered['index'].nunique()
    areas = np.stack(
        [
            np.stack(ordered[name]).reshape(images, -1, len(ordered[name].iloc[0]))
            for name in ('intersections', 'unions')
        ]
    ).astype(float)  # (2, images, attacks, classes)
    quality = ordered['quality'].to_numpy(float).reshape(images, -1)
    choice = _greedy(areas, np.nan_to_num(quality, nan=0.0).argmin(axis=1))
    rows = ordered.iloc[np.arange(images) * quality.shape[1] + choice]
    miou = _miou(areas[:, np.arange(images), choice].sum(axis=1))
    return WorstCase(rows, miou=100 * float(miou), bound=100 * _bound(areas))


def _greedy(areas: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """Change one image's attack at a time while that lowers the mIoU."""
    choice, everyone = choice.copy(), np.arange(areas.shape[1])
    changed = True
    while changed:
        changed = False
        sums = areas[:, everyone, choice].sum(axis=1)
        for image in everyone:
            others = sums - areas[:, image, choice[image]]
            scores = _miou(others[:, None] + areas[:, image])
            best = int(scores.argmin())
            if scores[best] < scores[choice[image]] - 1e-12:
                choice[image], changed = best, True
                sums = others + areas[:, image, best]
    return choice


def _miou(sums: np.ndarray) -> np.ndarray:
    """Mean IoU of sums of intersections and unions (2, ..., classes), over the classes that occur."""
    return np.nanmean(ratio(sums[0], sums[1]), axis=-1)


def _bound(areas: np.ndarray) -> float:
    """Mean over classes of the lowest IoU of each, for which images may choose anew.

    The lowest ratio of two sums is found by Dinkelbach's iteration: minimise ``intersection - ratio x union``.
    """
    lowest = []
    for intersections, unions in zip(*np.moveaxis(areas, -1, 1)):
        everyone, value = np.arange(len(unions)), 1.0
        while True:
            chosen = (intersections - value * unions).argmin(axis=1)
            total = unions[everyone, chosen].sum()
            new = intersections[everyone, chosen].sum() / total if total else np.nan
            if not new < value - 1e-12:
                break
            value = new
        lowest.append(value if unions.any() else np.nan)
    return float(np.nanmean(lowest))
