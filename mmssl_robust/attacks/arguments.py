"""Which arguments an attack has, and what they are."""

import inspect
from collections.abc import Mapping
from typing import Any

from mmssl_robust.attack_settings import AttackSettings, written
from mmssl_robust.utils.errors import UserError

_SELF = ('self', 'objective', 'settings')


def arguments_of(kind: type) -> tuple[str, ...]:
    """Names of the arguments that an attack's class takes, but for its objective.

    Those of a parent belong to them where ``__init__`` hands them on as keyword arguments, unless the class names them
    in ``FIXED``, because it sets them itself.

    Args:
        kind: A subclass of :class:`~mmssl_robust.attacks.Attack` or :class:`~mmssl_robust.attacks.Ensemble`.
    """
    names: list[str] = []
    fixed: set[str] = set()
    for part in kind.__mro__:
        init = vars(part).get('__init__')
        if init is None:
            continue
        parameters = inspect.signature(init).parameters.values()
        names += [
            one.name
            for one in parameters
            if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL) and one.name not in (*_SELF, *names)
        ]
        fixed |= set(vars(part).get('FIXED', ()))
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            break
    return tuple(name for name in names if name not in fixed)


def values_of(attack: Any, texts: Mapping[str, float | str]) -> dict[str, Any]:
    """Every argument of a built attack as plain values, from its own attributes or its objective's.

    Args:
        attack: The attack.
        texts: Lengths as they were given, in place of the numbers that were made of them.

    Raises:
        UserError: If an attack of one's own keeps no attribute of the name of an argument.
    """
    values = {}
    for name in arguments_of(type(attack)):
        owner = next((part for part in (attack, attack.objective) if hasattr(part, name)), None)
        if owner is None:
            raise UserError(f'{type(attack).__name__} does not keep its {name}, which records name: set self.{name}')
        value = written(texts[name], attack.norm) if name in texts else getattr(owner, name)
        values[name] = _plain(value)
    return values


def settings_of(attack: Any, texts: Mapping[str, float | str]) -> AttackSettings:
    """What an attack that is no ensemble is; arguments as for :func:`values_of`."""
    return AttackSettings(
        attack=type(attack).__name__,
        objective=type(attack.objective).__name__,
        reads=attack.objective.reads,
        norm=attack.norm,
        eps=attack.eps,
        steps=attack.steps,
        step_size=getattr(attack, 'step_size', None),
        restarts=attack.restarts,
        objective_arguments=objective_arguments(attack.objective),
        arguments=values_of(attack, texts),
        kind=attack.kind,
    )


def objective_arguments(objective: Any) -> dict[str, Any]:
    """What an objective was given, as far as it is plain: numbers, words and switches."""
    return {name: value for name, value in vars(objective).items() if isinstance(value, (int, float, str, bool))}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        plain = all(isinstance(part, Mapping) for part in value.values())
        return {name: dict(part) for name, part in value.items()} if plain else list(value)  # of members, the names
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value
