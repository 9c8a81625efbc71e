"""What a process of the quickstart's pool does; imports little, so that whatever stops it finds it ready."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread


def prepare(environment: dict[str, str], stoppable: bool) -> None:
    """Begin: with variables of its own, and with an end when what started it has ended.

    Args:
        environment: Set before anything reads it.
        stoppable: Whether Ctrl-C ends it, without a word, which is its parent's to say.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL if stoppable else signal.SIG_IGN)
    if parent := multiprocessing.parent_process():
        Thread(target=_end_with, args=(parent,), daemon=True).start()
    os.environ.update(environment)


def _end_with(parent: BaseProcess) -> None:
    """The pool itself would wait for more to do."""
    parent.join()
    os._exit(1)


def run_logged(command: Sequence[str], log: Path) -> int:
    """Run a command of `mmssl-robust`, all that it says into a file; returns its exit code."""
    with open(log, 'w') as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    from .main import main  # what it may say of missing libraries is in the file

    try:
        main(command)
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.stdout.flush()
        _forget_loggers()
    return 0


def _forget_loggers() -> None:
    """MMEngine's are for ever, and what the next command warns of would stand in the files of this one, too."""
    if logging := sys.modules.get('mmengine.logging'):
        logging.MMLogger._instance_dict.clear()
