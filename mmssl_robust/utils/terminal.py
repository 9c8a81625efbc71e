"""What the person at the terminal sees."""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console

from .errors import UserError

console = Console()


def one_line_errors(main: Callable[..., Any]) -> Callable[..., Any]:
    """Let a tool end with one line and exit code 2 where the user can mend what went wrong.

    ``MMSSL_TRACEBACK=1`` shows the whole traceback instead.
    """

    @functools.wraps(main)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return main(*args, **kwargs)
        except UserError as error:
            if os.environ.get('MMSSL_TRACEBACK') == '1':
                raise
            print(f'error: {error}', file=sys.stderr)
            sys.exit(2)

    return wrapper
