"""Attacks by name, one file each in ``configs/_base_/attacks`` or of one's own, and the same with other settings."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmssl_robust.attack_settings import CLEAN, Sweep, is_worst_case, written
from mmssl_robust.attacks.arguments import arguments_of
from mmssl_robust.building import attack_class, build_attack
from mmssl_robust.utils.config_files import ATTACKS, configs_in, read_config
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.names import nearest


def presets() -> dict[str, Path]:
    """Name -> file of each preset, in a checkout or an installed package."""
    return configs_in(ATTACKS)


def load_preset(name: str, **changes: Any) -> dict[str, Any]:
    """Read an attack's config.

    Args:
        name: ``'pgd'``, ``'embed'``, ``'segpgd'``, ``'depthpgd'``, any other file beside them, or the path of a file
            that sets ``attack``.
        **changes: Settings to change, see :func:`changed`.

    Raises:
        UserError: If there is no such preset, or a change does not fit it.
    """
    known = presets()
    path = known.get(name, Path(name))
    if name not in known and path.suffix != '.py':
        raise UserError(f'unknown attack {name!r}{nearest(name, known)} (or the path of a file)')
    cfg = read_config(path)
    if not isinstance(cfg.get('attack'), Mapping):
        raise UserError(f'{path} sets no attack: write attack = dict(type=..., ...)')
    return changed(cfg.attack.to_dict(), changes)


def load_presets(
    wanted: Sequence[str] | Mapping[str, Mapping[str, Any]], folder: str | Path = ''
) -> dict[str, dict[str, Any]]:
    """Read several attacks' configs.

    Args:
        wanted: Names or paths of presets, or name -> settings to change, of which ``preset`` names the preset where
            the name does not.
        folder: From where paths are meant.

    Returns:
        Name -> config of an attack.

    Raises:
        UserError: If there is no such preset, or a change does not fit it.
    """
    if isinstance(wanted, str) or not isinstance(wanted, (Mapping, Sequence)):
        raise UserError(f'attacks={wanted!r}: give a list of names, or name -> settings to change')
    named = wanted if isinstance(wanted, Mapping) else {preset_name(str(name)): dict(preset=name) for name in wanted}
    attacks = {}
    for name, settings in named.items():
        if not isinstance(name, str) or not isinstance(settings, Mapping):
            raise UserError(f'{name}={settings!r}: give an attack as its name, or as name -> settings to change')
        changes = {'preset': name} | dict(settings)
        preset = str(changes.pop('preset'))
        attacks[name] = load_preset(str(Path(folder) / preset) if preset.endswith('.py') else preset, **changes)
    return attacks


def check_names(attacks: Iterable[str]) -> None:
    """Refuse names that mean something else in results.

    Args:
        attacks: What attacks are called.

    Raises:
        UserError: If one is the name of no attack, or of the worst case.
    """
    for name in attacks:
        if name == CLEAN:
            raise UserError(f'an attack is named {CLEAN!r}, which is the name of none: rename it')
        if is_worst_case(name):
            raise UserError(f'an attack is named {name!r}, which is the name of the worst case: rename it')


def preset_name(name: str) -> str:
    """What to call an attack that is given by name or path."""
    return Path(name).stem if name.endswith('.py') else name


def changed(attack: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return an attack's config with other settings.

    Args:
        attack: The config.
        changes: Settings by name; None leaves what is there. Another norm needs an ``eps``, since lengths in one norm
            mean nothing in another; steps are then a quarter of it, unless they are given too.

    Raises:
        UserError: If the attack has no such setting, or a norm comes without its ``eps``.
    """
    changes = {key: value for key, value in changes.items() if value is not None}
    known = (*arguments_of(attack_class(attack)), 'objective', 'type')
    for key in changes:
        if key not in known:
            raise UserError(f'{key} is no setting of {attack["type"]}: use some of {", ".join(known)}')
    if 'norm' in changes:
        before = build_attack(attack).settings
        if changes['norm'] != before.norm:
            if 'eps' not in changes:
                raise UserError(
                    f'norm {changes["norm"]!r} needs an eps of its own: '
                    f'{written(before.eps, before.norm)} is for {before.norm}'
                )
            if 'step_size' in known:
                changes.setdefault('step_size', None)
    return attack | changes


def changed_all(attacks: Mapping[str, dict[str, Any]], changes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return attacks by name with other settings, each with those that it has.

    Args:
        attacks: Name -> config of an attack.
        changes: As for :func:`changed`.

    Raises:
        UserError: If none of the attacks has a setting, or as for :func:`changed`.
    """
    changes = {key: value for key, value in changes.items() if value is not None}
    having = {key: _having(attacks, key) for key in changes}
    return {
        name: changed(attack, {key: value for key, value in changes.items() if name in having[key]})
        for name, attack in attacks.items()
    }


def swept(
    attacks: Mapping[str, dict[str, Any]], sweeps: Mapping[str, Sequence[Any]]
) -> dict[str, tuple[dict[str, Any], Sweep]]:
    """Return attacks that differ from some in one number each; a value that one has already needs no second run.

    Args:
        attacks: Name -> config of an attack.
        sweeps: Name of a setting -> its values. Attacks that have no such setting stay out of its sweep.

    Returns:
        Name -> config and place in the sweep.

    Raises:
        UserError: If none of the attacks has a setting, or a value, or what an attack has itself, is no number, and so
            belongs to no curve, or an attack has the name of one of a sweep.
    """
    found: dict[str, tuple[dict[str, Any], Sweep]] = {}
    for axis, values in sweeps.items():
        for base in _having(attacks, axis):
            numbers = {_number(attacks[base], axis)}
            for value in values:
                other = changed(attacks[base], {axis: value})
                number = _number(other, axis)
                if number in numbers:
                    continue
                numbers.add(number)
                name = f'{base}-{axis}-{str(value).replace("/", "of")}'
                if name in attacks:
                    raise UserError(f'an attack is named {name!r}, as is one of the sweep over {axis}: rename it')
                found[name] = other, Sweep(base, axis, number)
    return found


def _number(attack: Mapping[str, Any], axis: str) -> float:
    """What an attack has for a setting, whether it was told or left out."""
    try:
        return build_attack(attack).settings.number(axis)
    except UserError as error:
        raise UserError(f'sweeps.{axis}: {error}') from error


def _having(attacks: Mapping[str, dict[str, Any]], key: str) -> list[str]:
    """Names of the attacks that have a setting."""
    names = [name for name, attack in attacks.items() if key in arguments_of(attack_class(attack))]
    if attacks and not names:
        raise UserError(f'{key} is no setting of {" or ".join(attacks)}: leave it out')
    return names
