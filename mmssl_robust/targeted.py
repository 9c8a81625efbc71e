"""Attacks that want one certain wrong answer."""

from typing import Any

from mmssl_robust.attacks import FAB, DepthPGD, Ensemble, SegPGD, Square
from mmssl_robust.attacks.objectives.targeted_depth import REMOVE
from mmssl_robust.building import build_attack
from mmssl_robust.tasks import TASKS, Task
from mmssl_robust.utils.errors import UserError

# Of the attack's config: what is the objective's, and what its targeted form takes over of it.
_OF_OBJECTIVES = ('type', 'objective', 'ignore_index', 'min_depth', 'max_depth')
_TAKEN_OVER = ('ignore_index', 'min_depth', 'max_depth')
# They ask for the decision, or are several attacks.
_WITHOUT = (Square, FAB, Ensemble)
# They are PGD with an objective of their own.
_NAMED = (SegPGD, DepthPGD)


def targeted(attack: dict[str, Any], target: str | int | None = None) -> dict[str, Any]:
    """Return an attack's config that wants one certain wrong answer.

    Args:
        attack: Config of an untargeted attack on a task.
        target: See the task's targeted objective, such as :class:`~mmssl_robust.attacks.TargetedCrossEntropy` and
            :class:`~mmssl_robust.attacks.TargetedDepth`; by default the least likely class, or near and far exchanged.

    Raises:
        UserError: If it is an ensemble, or aims at the embedding, or its task has no such form, or an object is to be
            removed, whose mask no data set has.
    """
    built = build_attack(attack)
    task = _task_of(built.objective)
    named = type(built) in _NAMED
    if task is None or isinstance(built, _WITHOUT) or (isinstance(built, _NAMED) and not named):
        raise UserError(f'{attack["type"]} has no targeted form: use fgsm, pgd, apgd, segpgd, cospgd or depthpgd')
    if task.targeted is None:
        raise UserError(f'{attack["type"]} has no targeted form for {task.name}, which knows no single wrong answer')
    if target == REMOVE:
        raise UserError("'remove' needs the mask of an object, which no data set has: use TargetedDepth in Python")
    given = {**attack, **attack.get('objective', {})}
    wanted = {key: given[key] for key in _TAKEN_OVER if key in given}
    wanted |= {} if target is None else dict(target=target)
    kept = {key: value for key, value in attack.items() if key not in _OF_OBJECTIVES}
    optimiser = 'mmssl_robust.PGD' if named else attack['type']
    return dict(kept, type=optimiser, objective=dict(type=f'mmssl_robust.{task.targeted}', **wanted))


def _task_of(objective: Any) -> Task | None:
    """The task whose prediction an untargeted objective reads."""
    kinds = [kind.__name__ for kind in type(objective).__mro__]
    return next((task for task in TASKS.values() if task.objective in kinds), None)
