"""Records of older versions, which knew an attack by its config alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmssl_robust.attack_settings import AttackSettings, Reads, Sweep, written
from mmssl_robust.utils.numbers import parse_number

# Class of an attack -> its objective where the config names none, and what it does where the config does not say.
_PGD = dict(steps=20, step_size='2/255', restarts=1, keep='best')
_NAMED: dict[str, tuple[str, dict[str, Any]]] = {
    'PGD': ('', _PGD),
    'FGSM': ('', dict(steps=1, restarts=1)),
    'APGD': ('', dict(steps=100, restarts=1)),
    'Square': ('Margin', dict(queries=5000, restarts=1)),
    'FAB': ('TargetedMargin', dict(steps=100, restarts=9)),
    'EmbedAttack': ('EmbeddingDistance', _PGD),
    'SegPGD': ('SegPGDLoss', _PGD),
    'DepthPGD': ('DepthLoss', _PGD),
    'AutoAttack': ('CrossEntropy', dict(steps=100, queries=5000, restarts=1)),
    'SEA': ('JensenShannon', dict(steps=300, restarts=1)),
    'DepthEnsemble': ('DepthLoss', dict(steps=100, restarts=2)),
}
_ENSEMBLES = ('AutoAttack', 'SEA', 'DepthEnsemble')
_OF_EMBEDDINGS = ('EmbeddingDistance', 'EmbeddingCosine')


def upgraded(row: dict[str, Any]) -> dict[str, Any]:
    """Return what ``row.json`` of schema version 2 would say today."""
    attacks = {
        name: dict(
            config=entry['settings'],
            settings=old_settings(entry['settings']).as_dict() if entry['settings'] else None,
            sweep=None,
        )
        for name, entry in row.get('attacks', {}).items()
    }
    return {**row, 'attacks': attacks}


def old_settings(config: Mapping[str, Any]) -> AttackSettings:
    """Say what the attack of a config was, by the defaults of schema version 2.

    Raises:
        UserError: If a number in it is none.
    """
    attack = _class_of(config)
    objective, usual = _NAMED.get(attack, ('', {}))
    given: dict[str, Any] = dict(norm='linf', eps='8/255', seed=0) | usual | dict(config)
    objective = _class_of(given['objective']) if 'objective' in given else objective
    eps, norm = parse_number(given['eps'], 'eps'), given['norm']
    step_size = given.get('step_size')
    if 'step_size' in given:
        step_size = eps / 4 if step_size is None else parse_number(step_size, 'step_size')
        given['step_size'] = written(step_size if given['step_size'] is None else given['step_size'], norm)
    reads: Reads = 'embedding' if objective in _OF_EMBEDDINGS else 'prediction'
    whole = attack in _ENSEMBLES
    return AttackSettings(
        attack=attack,
        objective=objective,
        reads=reads,
        norm=norm,
        eps=eps,
        steps=None if whole else int(given.get('queries', given.get('steps', 1))),
        step_size=step_size or (eps if attack == 'FGSM' else None),
        restarts=None if whole else given.get('restarts', 1),
        objective_arguments={name: value for name, value in given.get('objective', {}).items() if name != 'type'},
        arguments={name: value for name, value in given.items() if name not in ('type', 'objective')},
    )


def old_sweeps(attacks: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> dict[str, Sweep]:
    """Find out of which attack each of some is a repetition with another number."""
    found = {}
    for name in names:
        for base, config in attacks.items():
            differing = [key for key in {*config, *attacks[name]} if config.get(key) != attacks[name].get(key)]
            if base not in names and len(differing) == 1 and name.startswith(f'{base}-{differing[0]}-'):
                axis = differing[0]
                found[name] = Sweep(base, axis, parse_number(attacks[name][axis], axis))
    return found


def _class_of(config: Mapping[str, Any]) -> str:
    return str(config['type']).rpartition('.')[2]
