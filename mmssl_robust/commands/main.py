"""``mmssl-robust COMMAND``, also as ``python -m mmssl_robust COMMAND``; ``tools/*.py`` call the same commands.

A command is a line of :data:`COMMANDS` and two modules of that name: one in ``arguments/`` with ``SUMMARY`` (a literal)
and ``add_arguments(parser)``, whose docstring is its help, and one in this folder with ``run(args)``, of which
``args.command_line`` is what was typed. The latter is imported once the arguments are read, no sooner: OpenMMLab takes
seconds to import.
"""

import argparse
import ast
import importlib
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from mmssl_robust.utils.arguments import Parser
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.names import nearest
from mmssl_robust.utils.quiet import VERBOSE
from mmssl_robust.utils.terminal import one_line_errors
from mmssl_robust.version import __version__

PROGRAM = 'mmssl-robust'
COMMANDS = {
    'evaluate': 'evaluate',
    'compare': 'compare',
    'test': 'test',
    'certify': 'certify',
    'train': 'train',
    'universal': 'universal',
    'benchmark': 'benchmark',
    'merge': 'merge',
    'report': 'report',
    'pack': 'pack',
    'verify': 'verify',
    'push': 'push',
    'quickstart': 'quickstart',
    'convert': 'convert',
    'list': 'listing',
    'doctor': 'doctor',
}
"""What is typed -> its modules in this folder and in ``arguments/``."""

_DESCRIPTION = 'Adversarial robustness of self-supervised vision encoders in classification, segmentation and depth.'


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command that the command line names; ends with exit code 2 and one line where the user can mend it."""
    if '_ARGCOMPLETE' in os.environ:
        from .completion import complete  # of an optional library, for the shell alone

        complete()
    _dispatch(sys.argv[1:] if argv is None else list(argv))


@one_line_errors
def _dispatch(argv: list[str]) -> None:
    if not argv or argv[0] in ('-h', '--help'):
        print(usage(), end='')
    elif argv[0] == '--version':
        print(f'{PROGRAM} {__version__}')
    else:
        run_command(argv[0], argv[1:], f'{PROGRAM} {argv[0]}')


def usage() -> str:
    """What ``mmssl-robust --help`` prints."""
    commands = summaries(COMMANDS, 'arguments')
    return (
        f'usage: {PROGRAM} COMMAND ...\n\n{_DESCRIPTION}\n\ncommands:\n{commands}\n'
        f'`{PROGRAM} COMMAND --help` tells more. With --verbose a command says all that its libraries say,\n'
        'with --debug where an error came from.\n'
    )


def summaries(modules: Mapping[str, str], folder: str) -> str:
    """A line for each command.

    Args:
        modules: What is typed -> its module.
        folder: Theirs, below this one.
    """
    width = max(map(len, modules))
    return ''.join(f'  {name:{width}}  {summary_of(module, folder)}\n' for name, module in modules.items())


def summary_of(module: str, folder: str) -> str:
    """A command's ``SUMMARY``, read without importing it."""
    source = (Path(__file__).parent / folder / f'{module}.py').read_text(encoding='utf-8')
    for line in ast.parse(source).body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == 'SUMMARY':
            return str(ast.literal_eval(line.value))
    raise LookupError(f'{module}.py sets no SUMMARY')


def run_command(name: str, argv: Sequence[str], program: str | None = None) -> None:
    """Parse the arguments of a command, import and run it.

    Args:
        name: Of :data:`COMMANDS`.
        argv: What follows it on the command line.
        program: What its help calls it; by default what was started.

    Raises:
        UserError: If there is no such command, or it cannot go on.
    """
    if name not in COMMANDS:
        raise UserError(f'unknown command {name!r}{nearest(name, COMMANDS)}')
    if '--verbose' in argv:
        os.environ[VERBOSE] = '1'  # before its libraries are imported, and for the processes that it starts
    arguments = importlib.import_module(f'{__package__}.arguments.{COMMANDS[name]}')
    args = parsed(parser_of(arguments, program), argv)
    args.command_line = shlex.join([PROGRAM, name, *argv])
    importlib.import_module(f'{__package__}.{COMMANDS[name]}').run(args)


def parser_of(module: ModuleType, program: str | None = None) -> argparse.ArgumentParser:
    """The parser of a command's arguments."""
    parser = Parser(program, module.__doc__)
    module.add_arguments(parser)
    parser.add_argument('--verbose', action='store_true', help='show all that the libraries say, as the log file does')
    return parser


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Parse arguments, of which an optional position may come after the options."""
    hands_on = any(action.nargs == argparse.REMAINDER for action in parser._actions)  # which cannot be intermixed
    return parser.parse_args(argv) if hands_on else parser.parse_intermixed_args(argv)


@one_line_errors
def run_tool(*words: str) -> None:
    """Run a command for a file of ``tools/``, with its arguments; ``words`` are the command and what follows it."""
    run_command(words[0], [*words[1:], *sys.argv[1:]])
