"""Registers attacks and objectives, which know no MMEngine type, and builds them from configs."""

from collections.abc import Mapping
from typing import Any, get_origin

from mmengine.registry import Registry

from mmssl_robust import attacks
from mmssl_robust.attacks import objectives
from mmssl_robust.registry import ATTACKS, OBJECTIVES, SCOPE
from mmssl_robust.utils.checkpoint import local_path
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.signatures import check_kinds

_BASES = (attacks.Attack, attacks.Ensemble, attacks.Objective)
for part in dict.fromkeys(getattr(room, name) for room in (attacks, objectives) for name in room.__all__):
    # Python 3.10 takes aliases such as Callable[...] for types, too.
    if isinstance(part, type) and get_origin(part) is None and part not in _BASES:
        if issubclass(part, (attacks.Attack, attacks.Ensemble)):
            ATTACKS.register_module(module=part)
        elif issubclass(part, attacks.Objective):
            OBJECTIVES.register_module(module=part)


def build_attack(cfg: Mapping[str, Any]) -> attacks.Attack | attacks.Ensemble:
    """Build an attack from its config.

    Args:
        cfg: ``type`` of the attack, with or without the package's scope, and its arguments; ``objective`` is
            a config of the same kind.

    Returns:
        The attack.

    Raises:
        UserError: If a type or an argument is unknown or out of range.
    """
    if not isinstance(cfg, Mapping):
        raise UserError(f'an attack is {cfg!r}: give dict(type=..., ...)')
    cfg = dict(cfg)
    if 'objective' in cfg:
        if not isinstance(cfg['objective'], Mapping):
            raise UserError(f'objective={cfg["objective"]!r}: give dict(type=..., ...)')
        cfg['objective'] = _build(OBJECTIVES, cfg['objective'])
    if isinstance(cfg.get('heads'), Mapping):
        cfg['heads'] = {name: _with_hash(head) for name, head in cfg['heads'].items()}
    attack: attacks.Attack | attacks.Ensemble = _build(ATTACKS, cfg)
    return attack


def attack_class(cfg: Mapping[str, Any]) -> type:
    """Return the class that a config of an attack names.

    Raises:
        UserError: If it is unknown.
    """
    return _class(ATTACKS, cfg)


def _class(registry: Registry, cfg: Mapping[str, Any]) -> type:
    """Look among the registry's own names only, since a dotted name would import any module."""
    name = str(cfg.get('type')).removeprefix(f'{SCOPE}.')
    if name not in registry.module_dict:
        known = ', '.join(sorted(registry.module_dict))
        raise UserError(f'unknown {registry.name} type {name!r}: use one of {known}')
    found: type = registry.module_dict[name]
    return found


def _with_hash(head: Any) -> Any:
    """A head that an attack reads, with the hash of its file, which records keep."""
    if not isinstance(head, Mapping) or not isinstance(head.get('head'), str):
        return head  # for the attack to refuse
    path = local_path(head['head'])
    if not path.is_file():
        raise UserError(f'the head {head["head"]} of an attack is not there: train it, or give its place')
    return dict(head, sha256=sha256(path))


def _build(registry: Registry, cfg: Mapping[str, Any]) -> Any:
    kind = _class(registry, cfg)
    arguments = {key: value for key, value in cfg.items() if key != 'type'}
    check_kinds(kind, arguments)
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f'{registry.name} {kind.__name__}: {first_line(error)}') from error
