"""Arguments of command lines: what cannot be meant is refused in one line."""

import argparse
import re
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from .debug import Debug
from .errors import UserError
from .numbers import check_integer, parse_number

Value = TypeVar('Value')


class Parser(argparse.ArgumentParser):
    """A parser of a command's or a tool's arguments, with ``--debug``, whose errors are one line."""

    def __init__(self, prog: str | None = None, description: str | None = None) -> None:
        super().__init__(prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        self.add_argument('--debug', action=Debug, help='show the traceback of an error')

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Read what was typed, of which nothing may be empty.

        An unset variable of a shell is so, and as a path it would be the current folder.

        Raises:
            UserError: If something is.
        """
        typed = sys.argv[1:] if args is None else list(args)
        if '' in typed:
            before = typed[: typed.index('')][-1:]
            self.error(f'what follows {before[0]} is empty' if before else 'the first argument is empty')
        return super().parse_known_args(typed, namespace)

    def error(self, message: str) -> NoReturn:
        """Refuse what was typed.

        Raises:
            UserError: In place of the usage and an exit.
        """
        value = re.fullmatch(r'argument (\S+): (=.*)', message)  # of the types below
        raise UserError(value[1] + value[2] if value else f'{message}: see --help')


def integer(least: int | None = None) -> Callable[[str], int]:
    """The ``type`` of an argument that is an integer.

    Args:
        least: The smallest that means something; None for any.
    """

    def read(text: str) -> int:
        try:
            value: Any = int(text) if text.isascii() and '_' not in text else text
        except ValueError:
            value = text
        return _told(lambda: check_integer(value, '', least))

    return read


def number(above: float | None = None) -> Callable[[str], float]:
    """The ``type`` of an argument that is a number, perhaps a fraction.

    Args:
        above: It must be larger; None for any.
    """

    def read(text: str) -> float:
        value = _told(lambda: parse_number(text, ''))
        if above is not None and not value > above:
            raise argparse.ArgumentTypeError(f'={text}: give a number above {above:g}')
        return value

    return read


def _told(read: Callable[[], Value]) -> Value:
    """What is read, before whose refusal argparse puts the argument's name."""
    try:
        return read()
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
