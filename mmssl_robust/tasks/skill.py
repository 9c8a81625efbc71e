"""Skill: what is left between chance and a clean model, so that a weak clean model cannot win."""

import numpy as np

from .base import Task
from .contributions import ratio


def skill(values: np.ndarray, chance: float, clean: np.ndarray, task: Task) -> np.ndarray:
    """Put values of a task's first metric on a scale from chance, 0, to the best, 1.

    Args:
        values: Of any shape.
        chance: See :meth:`mmssl_robust.tasks.Task.chance`.
        clean: Of the reference on clean images, which is 1; of an error 1 is none, 1 - values / chance.
        task: The task.

    Returns:
        The skills; below 0 what is worse than chance, NaN where the reference is no better than chance.
    """
    if not task.metric.higher_is_better:
        return 1 - values / chance
    return ratio(values - chance, clean - chance)
