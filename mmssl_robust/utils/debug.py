"""Whether whoever typed a command wants to see tracebacks."""

import argparse
import os
from typing import Any

VARIABLE = 'MMSSL_TRACEBACK'
"""Variable that is ``1`` where tracebacks are to be shown; processes that a command starts see it too."""


def is_debugging() -> bool:
    """Whether tracebacks are to be shown."""
    return os.environ.get(VARIABLE) == '1'


class Debug(argparse.Action):
    """What ``--debug`` does, as soon as it is read."""

    def __init__(self, option_strings: list[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, default=False, **kwargs)

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: Any) -> None:
        """Note it."""
        os.environ[VARIABLE] = '1'
        setattr(namespace, self.dest, True)
