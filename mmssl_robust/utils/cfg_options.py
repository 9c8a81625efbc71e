"""``--cfg-options``: settings of a config on the command line."""

import argparse
import copy
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import UserError, reason_of
from .versions import check_mm_versions

if TYPE_CHECKING:
    from mmengine.config import Config

_KEY = re.compile(r'[^.=\s]+(?:\.[^.=\s]+)*')


class Options(argparse.Action):
    """MMEngine's ``KEY=VALUE`` with a word on what is none; MMEngine is imported where there is one to read."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, *_: Any) -> None:
        """Read it."""
        for option in values or ():
            key, sign, value = option.partition('=')
            if not sign or not _KEY.fullmatch(key):
                parser.error(f'--cfg-options {option!r}: write KEY=VALUE, such as train_cfg.max_epochs=2')
            if key == 'custom_imports' or key.startswith(('custom_imports.', '_base_')):
                parser.error(f'--cfg-options {option!r}: it counts in a file alone: write it into the config')
            if not value.isascii() and _is_number(value):
                parser.error(f'--cfg-options {option!r}: write the number with the digits 0 to 9')
        check_mm_versions()
        from mmengine.config import DictAction

        try:
            DictAction(self.option_strings, self.dest)(parser, namespace, values)
        except (AssertionError, ValueError) as error:
            parser.error(f'--cfg-options: {error}')


def merge_options(cfg: 'Config', options: Mapping[str, Any], path: str) -> None:
    """Put options into a config.

    Args:
        cfg: The config.
        options: Dotted key -> value.
        path: What to call the config.

    Raises:
        UserError: If one does not fit; names it.
    """
    before = cfg.to_dict()
    try:
        cfg.merge_from_dict(options)
    except Exception as error:  # whatever the options name
        fault = next((key for key, value in options.items() if not _fits(before, key, value)), None)
        of = f'--cfg-options {fault}: ' if fault else ''
        raise UserError(f'cannot use the config {path}: {of}{reason_of(error)}') from error


def _fits(cfg: dict[str, Any], key: str, value: Any) -> bool:
    from mmengine.config import Config

    try:
        Config(copy.deepcopy(cfg)).merge_from_dict({key: value})
    except Exception:
        return False
    return True


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
