"""The attacks that can be called by name, one file each in ``configs/_base_/attacks``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmssl_robust.attacks import APGD, FGSM, PGD
from mmssl_robust.attacks.objectives.classification import ClassificationObjective
from mmssl_robust.attacks.objectives.depth import DepthObjective
from mmssl_robust.attacks.objectives.segmentation import SegmentationObjective
from mmssl_robust.attacks.objectives.targeted_depth import REMOVE
from mmssl_robust.building import build_attack
from mmssl_robust.config_files import configs_in
from mmssl_robust.utils.errors import UserError

_OF_OBJECTIVES = ('type', 'objective', 'ignore_index', 'min_depth', 'max_depth')


def load_preset(name: str, **changes: Any) -> dict[str, Any]:
    """Read an attack's config.

    Args:
        name: ``'pgd'``, ``'embed'``, ``'segpgd'``, ``'depthpgd'``, or any other file beside them.
        **changes: Settings to change; None leaves the preset's. Another norm needs an ``eps``, since lengths in one
            norm mean nothing in another; steps are then a quarter of it, unless they are given too.

    Raises:
        UserError: If there is no such preset, or a norm without its ``eps``.
    """
    known = presets()
    if name not in known:
        raise UserError(f'unknown attack {name!r}: use one of {", ".join(known)}')
    attack = Config.fromfile(known[name]).attack.to_dict()
    return changed(attack, changes)


def changed(attack: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attack's config with other settings; arguments and errors as for :func:`load_preset`."""
    changes = {key: value for key, value in changes.items() if value is not None}
    if changes.get('norm', attack.get('norm')) != attack.get('norm'):
        if 'eps' not in changes:
            raise UserError(
                f'norm {changes["norm"]!r} needs an eps of its own: {attack.get("eps")} is for {attack.get("norm")}'
            )
        if 'step_size' in attack:
            changes.setdefault('step_size', None)
    return attack | changes


def changed_all(attacks: Mapping[str, dict[str, Any]], changes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return attacks by name with other settings, each with those that it has.

    Args:
        attacks: Name -> config of an attack.
        changes: As for :func:`load_preset`.

    Raises:
        UserError: If none of the attacks has a setting, or as for :func:`load_preset`.
    """
    changes = {key: value for key, value in changes.items() if value is not None}
    having = {key: [name for name in attacks if _has(attacks[name], key, value)] for key, value in changes.items()}
    for key, names in having.items():
        if attacks and not names:
            raise UserError(f'{key} is no setting of {" or ".join(attacks)}: leave out --{key.replace("_", "-")}')
    return {
        name: changed(attack, {key: value for key, value in changes.items() if name in having[key]})
        for name, attack in attacks.items()
    }


def _has(attack: dict[str, Any], key: str, value: Any) -> bool:
    """Whether an attack has a setting; of an argument that one has not, or sets itself, Python makes a TypeError."""
    try:
        build_attack({**attack, key: value})
    except UserError as error:
        return not isinstance(error.__cause__, TypeError)
    return True


def targeted(attack: dict[str, Any], target: str | int | None = None) -> dict[str, Any]:
    """Return an attack's config that wants one certain wrong answer.

    Args:
        attack: Config of an untargeted attack on a task.
        target: See :class:`~mmssl_robust.attacks.TargetedCrossEntropy` and
            :class:`~mmssl_robust.attacks.TargetedDepth`; by default the least likely class, or near and far exchanged.

    Raises:
        UserError: If it is an ensemble, or aims at the embedding, or an object is to be removed, whose mask no data set
            has.
    """
    built = build_attack(attack)
    kinds = {ClassificationObjective: 'TargetedCrossEntropy', SegmentationObjective: 'TargetedCrossEntropy',
             DepthObjective: 'TargetedDepth'}  # fmt: skip
    for kind, objective in kinds.items():
        if isinstance(built.objective, kind) and isinstance(built, (PGD, APGD)):
            kept = {key: value for key, value in attack.items() if key not in _OF_OBJECTIVES}
            if kind is DepthObjective and target == REMOVE:
                raise UserError(
                    "'remove' needs the mask of an object, which no data set has: use TargetedDepth in Python"
                )
            wanted = {} if target is None else dict(target=target)
            given = {**attack, **attack.get('objective', {})}
            wanted |= {key: given[key] for key in ('ignore_index', 'min_depth', 'max_depth') if key in given}
            optimiser = next(part.__name__ for part in (APGD, FGSM, PGD) if isinstance(built, part))
            return dict(
                kept, type=f'mmssl_robust.{optimiser}', objective=dict(type=f'mmssl_robust.{objective}', **wanted)
            )
    raise UserError(f'{attack["type"]} has no targeted form: use fgsm, pgd, apgd, segpgd, cospgd or depthpgd')


def presets() -> dict[str, Path]:
    """Name -> file of each preset, in a checkout or an installed package."""
    return configs_in('configs/_base_/attacks')
