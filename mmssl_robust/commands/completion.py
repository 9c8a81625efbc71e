"""Completion of commands, options and names in the shell, by the optional library argcomplete.

Turned on by ``eval "$(register-python-argcomplete mmssl-robust)"``.
"""

import argparse
import importlib
import os
from collections.abc import Callable
from typing import Any

from mmssl_robust.utils.config_files import ATTACKS, SUITES, configs_in, run_configs

from .main import COMMANDS, PROGRAM, summary_of

# What an argument is a name of, by its destination.
NAMES: dict[str, Callable[[], Any]] = {
    'config': run_configs,
    'suite': lambda: configs_in(SUITES),
    'attack': lambda: configs_in(ATTACKS),
}


def complete() -> None:
    """Answer the shell and exit, if argcomplete is installed."""
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(completion_parser(os.environ.get('COMP_LINE', '')))


def completion_parser(line: str) -> argparse.ArgumentParser:
    """A parser of the whole command line, in which the command that is typed has its arguments.

    The others are not imported: each key press counts.

    Args:
        line: What is typed so far.
    """
    parser = argparse.ArgumentParser(PROGRAM)
    commands = parser.add_subparsers()
    words = line.split()
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=summary_of(module, 'arguments'))
        if name in words[1:2] and line != f'{words[0]} {name}':
            importlib.import_module(f'{__package__}.arguments.{module}').add_arguments(command)
            _name_completers(command)
    return parser


def _name_completers(command: argparse.ArgumentParser) -> None:
    for action in command._actions:
        names = NAMES.get(action.dest)
        if names is not None:
            action.completer = lambda names=names, **_: [*names()]  # type: ignore[attr-defined]
