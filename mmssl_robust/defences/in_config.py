"""Defences by name, one file each in ``configs/_base_/defences`` or of one's own, and their place in a config."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from mmssl_robust.utils.config_files import DEFENCES, configs_in, read_config
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.names import nearest

_TYPE = 'mmssl_robust.Defended'


def defences() -> dict[str, Path]:
    """Name -> file of each defence that ships with the package."""
    return configs_in(DEFENCES)


def load_defence(name: str) -> dict[str, Any]:
    """Read the config of a defence.

    Args:
        name: ``'jpeg'``, any other file beside it, or the path of a file that sets ``defence``.

    Raises:
        UserError: If there is none.
    """
    known = defences()
    path = known.get(name, Path(name))
    if name not in known and path.suffix != '.py':
        raise UserError(f'unknown defence {name!r}{nearest(name, known)} (or the path of a file)')
    cfg = read_config(path)
    if not isinstance(cfg.get('defence'), Mapping):
        raise UserError(f'{path} sets no defence: write defence = dict(type=..., ...)')
    found: dict[str, Any] = cfg.defence.to_dict()
    return found


def use_defence(cfg: Config, defence: Mapping[str, Any], bpda: bool = True) -> None:
    """Put a defence before the model of a config.

    Args:
        cfg: The config of a task, which is changed.
        defence: Config of the defence.
        bpda: See :func:`~mmssl_robust.defences.defend`.

    Raises:
        UserError: If the model has one already.
    """
    settings = dict(cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor') or {})
    if settings.get('type') == _TYPE:
        raise UserError('the config has a defence already, model.data_preprocessor.defence: change that one')
    settings['of'] = settings.pop('type', None)
    cfg.model.data_preprocessor = ConfigDict(settings | dict(type=_TYPE, defence=dict(defence), bpda=bpda))
