"""The worst of several attacks, image by image, from per-image records.

The records of an attack that comes later are joined with those of the earlier ones; nothing runs again. An attacker may
also leave an image alone: the clean predictions belong among the records.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmssl_robust.attack_settings import AttackSettings, ball

if TYPE_CHECKING:
    from .base import Task


@dataclass(frozen=True)
class WorstCase:
    """What an attacker reaches who may choose an attack for each image.

    Attributes:
        records: One row of the given ones for each image.
        bound: A value of the first metric beyond which no choice gets, where the choice is not known to be the worst;
            else None.

    Examples:
        >>> import pandas as pd
        >>> from mmssl_robust.tasks import WorstCase
        >>> worst = WorstCase(pd.DataFrame(dict(index=[0, 1], attack=['pgd', 'embed'])), bound=12.5)
        >>> len(worst.records), worst.bound  # a row for each image; no choice of attacks brings the metric below
        (2, 12.5)
    """

    records: pd.DataFrame
    bound: float | None = None


def by_budget(attacks: Mapping[str, AttackSettings]) -> dict[str, list[str]]:
    """Group attacks that one attacker may choose among: those of one ball; what is in none is left out.

    Args:
        attacks: Name -> settings.

    Returns:
        What to call a budget, such as ``'linf-8/255'`` or ``'l2-0.5'`` -> names; ``''`` if there is one budget only.

    Examples:
        >>> from mmssl_robust.attacks import PGD, CrossEntropy, EmbedAttack
        >>> from mmssl_robust.tasks import by_budget
        >>> attacks = dict(pgd=PGD(CrossEntropy(), eps='8/255'), embed=EmbedAttack(eps='8/255'))
        >>> by_budget({name: attack.settings for name, attack in attacks.items()})
        {'': ['pgd', 'embed']}
        >>> attacks['l2'] = PGD(CrossEntropy(), norm='l2', eps=0.5)
        >>> by_budget({name: attack.settings for name, attack in attacks.items()})
        {'linf-8/255': ['pgd', 'embed'], 'l2-0.5': ['l2']}
    """
    groups: dict[str, list[str]] = {}
    for name, settings in attacks.items():
        if settings.in_a_ball:
            groups.setdefault(ball(*settings.budget), []).append(name)
    if len(groups) == 1:
        (names,) = groups.values()
        return {'': names}
    return groups


def worst_of(records: pd.DataFrame, task: 'Task') -> WorstCase:
    """Choose for each image the record that harms the task's first metric most.

    Where the metric is a mean over images the choice is image by image and exact; the mIoU is none, see
    :mod:`.segmentation`.

    Args:
        records: Records of clean images and of attacks, as many for each ``index``.
        task: The task.

    Returns:
        The choice, by ascending ``index``.

    Raises:
        ValueError: If images have unequal numbers of records, which is a choice that only some have; or if records of
            one ``index`` are of different images, whose pixels would be counted once.

    Examples:
        >>> import pandas as pd
        >>> from mmssl_robust.tasks import task_named, worst_of
        >>> attacks, errors = ['pgd', 'pgd', 'far', 'far'], [1.0, 2.0, 3.0, 0.5]
        >>> records = pd.DataFrame(dict(index=[0, 1, 0, 1], attack=attacks, rmse=errors))
        >>> worst_of(records.assign(quality=-records['rmse']), task_named('depth')).records
           index attack  rmse  quality
        2      0    far   3.0     -3.0
        1      1    pgd   2.0     -2.0
    """
    counts = records.groupby('index').size()
    if counts.nunique() > 1:
        raise ValueError(f'images have {counts.min()} to {counts.max()} records: each must meet the same attacks')
    for name in task.truth:
        known = records.dropna(subset=name)
        truths = known[name].map(lambda value: np.asarray(value).tobytes()).groupby(known['index']).nunique()
        if (truths > 1).any():
            raise ValueError(f'records of index {truths.idxmax()} are of different images: their {name} differ')
    worst = task.worst(records)
    if len(worst.records) != len(counts):
        raise ValueError(f'the worst case has {len(worst.records)} images, its members {len(counts)}')
    return worst


def fallen_and_risen(task: 'Task', clean: pd.DataFrame, attacked: pd.DataFrame) -> tuple[int, int]:
    """Count right predictions that an attack makes wrong, and wrong ones that it makes right.

    Args:
        task: The task; where a prediction is more or less good, what counts is whether its quality falls or rises.
        clean: Records of the clean images.
        attacked: Those of an attack on the same images, one for each.

    Examples:
        >>> import pandas as pd
        >>> from mmssl_robust.tasks import fallen_and_risen, task_named
        >>> clean = pd.DataFrame(dict(index=[0, 1, 2], label=[7, 7, 7], prediction=[7, 7, 0]))
        >>> fallen_and_risen(task_named('classification'), clean, clean.assign(prediction=[0, 7, 7]))
        (1, 1)
    """
    before, after = (table.set_index('index').sort_index() for table in (clean, attacked))
    scores = []
    for table in (before, after):
        right = task.is_right(table)
        scores.append((table['quality'] if right is None else right).astype(float))
    return int((scores[1] < scores[0]).sum()), int((scores[1] > scores[0]).sum())
