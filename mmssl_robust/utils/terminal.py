"""What the person at the terminal sees."""

import functools
import os
import select
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .debug import is_debugging
from .errors import UserError, in_one_line, reason_of
from .libraries import library_problem
from .memory_errors import memory_problem
from .torch_build import torchvision_problem

if TYPE_CHECKING:
    from rich.console import Console

    console: Console

_RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')


def __getattr__(name: str) -> Any:
    """Make the ``console`` once it is asked for: what says that a library is missing can do without any."""
    if name != 'console':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from rich.console import Console

    class Told(Console):
        """Leaves it to one_line_errors how a tool ends whose output is read no more."""

        def on_broken_pipe(self) -> None:
            raise  # the BrokenPipeError that is being handled

    return globals().setdefault(name, Told())


def one_line_errors(main: Callable[..., Any]) -> Callable[..., Any]:
    """Let a tool end with one line, whatever was raised.

    The exit code is 2 where the user can mend it, 1 for an error of this package's own, which the line says, and the
    shells' 130 after Ctrl-C. ``--debug`` shows the traceback before the line; log files have it in any case. Where what
    reads the output has ended, such as ``head``, nothing is said and the code is the shells' 141.
    """

    @functools.wraps(main)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            result = main(*args, **kwargs)
            if _has_output():
                sys.stdout.flush()
            return result
        except KeyboardInterrupt as error:
            line, code = 'stopped', 130
            _tell(error, line)
        except Exception as error:
            if isinstance(error, BrokenPipeError) and _is_read_no_more():
                sys.exit(141)
            line, code = _line_and_code(error)
            _tell(error, line)
        sys.exit(code)

    return wrapper


def _has_output() -> bool:
    """Whether there is an output, which a daemon may lack."""
    return sys.stdout is not None and not sys.stdout.closed


def _is_read_no_more() -> bool:
    """Whether what reads the output has ended; if so, the rest goes nowhere, or Python would complain at its end."""
    if not _has_output():
        return False
    try:
        output = sys.stdout.fileno()
    except OSError:  # of no file, as within a notebook
        return False
    state = select.poll()
    state.register(output, 0)
    if not any(events & (select.POLLERR | select.POLLHUP) for _, events in state.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return True


def warn(text: str) -> None:
    """Print a warning to the person who typed the command, of several processes the first alone."""
    if all(os.environ.get(rank, '0') == '0' for rank in _RANKS):
        print(f'warning: {in_one_line(text)}', file=sys.stderr)


def _line_and_code(error: Exception) -> tuple[str, int]:
    if isinstance(error, UserError):
        return f'error: {in_one_line(error)}', 2
    problem = _problem_of_others(error)
    if problem:
        return f'error: {in_one_line(problem)}', 2
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f'{"/".join(place.filename.rsplit("/", 2)[-2:])}:{place.lineno}'
    return (
        f'internal error: {reason_of(error)} ({type(error).__name__} in {where}): please report it, with what --debug '
        'shows',
        1,
    )


def _problem_of_others(error: Exception) -> str | None:
    """What the user can mend although nobody foresaw it; None if it is none of that."""
    if problem := memory_problem(error):
        return problem
    if isinstance(error, ModuleNotFoundError):
        return library_problem(error)
    if isinstance(error, RuntimeError):
        return torchvision_problem(error)
    if isinstance(error, OSError):
        return f'{error.filename}: {error.strerror}' if error.filename and error.strerror else str(error) or None
    if isinstance(error, KeyError) and sys.modules.get('mmengine'):  # otherwise it may be what is missing
        from .scopes import scope_problem  # of libraries that the first lines of a tool cannot count on

        return scope_problem(error)
    return None


def _tell(error: BaseException, line: str) -> None:
    text = ''.join(traceback.format_exception(type(error), error, error.__traceback__))
    if sys.modules.get('mmengine'):
        from .quiet import to_log_files

        to_log_files(f'{line}\n{text}')
    if is_debugging():
        print(text, end='', file=sys.stderr)
    print(line, file=sys.stderr)
