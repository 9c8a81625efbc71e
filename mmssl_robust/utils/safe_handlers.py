"""MMEngine's readers of YAML and pickle files, such as annotations, without those that run what a file says."""

from typing import Any

import yaml
from mmengine.fileio.handlers import PickleHandler, YamlHandler
from mmengine.fileio.handlers.registry_utils import file_handlers

from .errors import UserError


def register_safe_handlers() -> None:
    """Let MMEngine read plain values alone from YAML, and nothing from a pickle, which is a program."""
    safe_yaml: Any = YamlHandler()
    safe_yaml.load_from_fileobj = _read_yaml
    no_pickle: Any = PickleHandler()
    no_pickle.load_from_fileobj = no_pickle.load_from_path = _refuse
    file_handlers.update(dict.fromkeys(('yaml', 'yml'), safe_yaml))
    file_handlers.update(dict.fromkeys(('pickle', 'pkl'), no_pickle))


def _read_yaml(file: Any, **kwargs: Any) -> Any:
    return yaml.load(file, **{**kwargs, 'Loader': yaml.SafeLoader})


def _refuse(file: Any, **kwargs: Any) -> Any:  # noqa: ARG001
    raise UserError(f'refused to read {getattr(file, "name", file)}, which could run code: store it as JSON')
