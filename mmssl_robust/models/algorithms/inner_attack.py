"""The attack inside of a training step."""

from collections.abc import Mapping
from typing import Any, Literal

from mmssl_robust.attacks import PGD
from mmssl_robust.building import build_attack
from mmssl_robust.utils.errors import UserError

from .nfgsm import NFGSM  # noqa: F401  registers it
from .own_loss import OwnLoss

Output = Literal['prediction', 'embedding']
_NEEDED = dict(prediction='a task', embedding='an embedding')


def build_inner_attack(cfg: Mapping[str, Any], attacked: Output, method: str) -> PGD:
    """Build an attack that can make images for training.

    Args:
        cfg: As for :func:`mmssl_robust.building.build_attack`.
        attacked: What the method attacks, which the objective must read.
        method: Name of the training method, for error messages.

    Raises:
        UserError: If it is no PGD, its objective reads something else, or it has restarts.
    """
    attack = build_attack({'objective': dict(type=OwnLoss.__name__)} | dict(cfg) if attacked == 'prediction' else cfg)
    if not isinstance(attack, PGD):
        raise UserError(
            f'{type(attack).__name__} makes no images for training: set model.attack.type to PGD, FGSM or NFGSM'
        )
    if attack.objective.reads != attacked:
        objective = type(attack.objective).__name__
        raise UserError(f'{objective} needs {_NEEDED[attack.objective.reads]}: {method} attacks the {attacked}')
    if attack.restarts > 1:
        raise UserError(f'attack.restarts={attack.restarts}: in training each image is attacked once')
    return attack
