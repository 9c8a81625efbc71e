"""MMEngine's readers of YAML and pickle files, such as annotations, without those that run what a file says."""

from typing import IO, Any

import yaml
from mmengine.fileio.handlers import PickleHandler, YamlHandler
from mmengine.fileio.handlers.registry_utils import file_handlers

from .errors import UserError


class SafeYamlHandler(YamlHandler):
    """Reads plain values alone."""

    def load_from_fileobj(self, file: IO, **kwargs: Any) -> Any:
        """Read a file."""
        return yaml.load(file, **{**kwargs, 'Loader': yaml.SafeLoader})


class RefusingPickleHandler(PickleHandler):
    """Writes, and reads nothing: a pickle is a program."""

    def load_from_fileobj(self, file: IO, **kwargs: Any) -> Any:  # noqa: ARG002
        """Refuse a file."""
        raise UserError(f'refused to read {getattr(file, "name", "a pickle")}, which could run code: store it as JSON')

    def load_from_path(self, filepath: str, **kwargs: Any) -> Any:  # noqa: ARG002
        """Likewise."""
        raise UserError(f'refused to read {filepath}, which could run code: store it as JSON')


def register_safe_handlers() -> None:
    """Put them in the place of MMEngine's."""
    file_handlers.update(dict.fromkeys(('yaml', 'yml'), SafeYamlHandler()))
    file_handlers.update(dict.fromkeys(('pickle', 'pkl'), RefusingPickleHandler()))
