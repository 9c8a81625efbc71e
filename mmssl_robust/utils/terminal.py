"""What the person at the terminal sees."""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console

from .errors import UserError
from .memory_errors import memory_problem

console = Console()


def one_line_errors(main: Callable[..., Any]) -> Callable[..., Any]:
    """Let a tool end with one line and exit code 2 where the user can mend what went wrong.

    So it ends after Ctrl-C, with the shells' exit code 130. ``MMSSL_TRACEBACK=1`` shows the whole traceback instead.
    """

    @functools.wraps(main)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return main(*args, **kwargs)
        except Exception as error:
            problem = _problem(error)
            if problem is None or os.environ.get('MMSSL_TRACEBACK') == '1':
                raise
            print(f'error: {problem}', file=sys.stderr)
            sys.exit(2)
        except KeyboardInterrupt:
            if os.environ.get('MMSSL_TRACEBACK') == '1':
                raise
            print('stopped', file=sys.stderr)
            sys.exit(130)

    return wrapper


def _problem(error: Exception) -> str | None:
    """What the user can mend, None if it is nothing."""
    if isinstance(error, UserError):
        return str(error)
    return memory_problem(error) or (_scope_problem(error) if isinstance(error, KeyError) else None)


def _scope_problem(error: KeyError) -> str | None:
    if 'mmengine' not in sys.modules:  # it may be what is missing
        return None
    from .scopes import scope_problem  # of libraries that the first lines of a tool cannot count on

    return scope_problem(error)
