"""What other libraries say at the terminal: hushed unless ``--verbose``; the log file has all of it."""

import logging
import os
import warnings
from pathlib import Path
from typing import Any

VERBOSE = 'MMSSL_VERBOSE'
"""Variable that is ``1`` where all is to be shown."""

_PACKAGE = str(Path(__file__).resolve().parents[1])
# Of MMEngine's INFO lines those that say how far a run is; the others list the config, the hooks and the machine.
_TELLING = ('logger_hook.py', 'checkpoint_hook.py', 'early_stopping_hook.py')


def is_verbose() -> bool:
    """Whether the person at the terminal wants to see all that libraries say."""
    return os.environ.get(VERBOSE) == '1'


def hush_libraries() -> None:
    """Keep from the terminal what MMEngine prints for its developers, and other libraries' warnings, unless verbose.

    It must be called before OpenMMLab's libraries are imported.
    """
    if is_verbose():
        return
    from mmengine import logging as mm_logging

    original, show = mm_logging.print_log, warnings.showwarning

    def print_log(msg: Any, logger: Any = None, level: int = logging.INFO) -> None:
        if logger is not None or level >= logging.INFO:  # without a logger MMEngine prints what is for debugging
            original(msg, logger, level)

    def showwarning(message: Any, category: type[Warning], filename: str, lineno: int, *rest: Any) -> None:
        if filename.startswith(_PACKAGE):
            show(message, category, filename, lineno, *rest)
        else:
            _to_log_file(warnings.formatwarning(message, category, filename, lineno).strip())

    mm_logging.print_log = print_log
    warnings.showwarning = showwarning


def hush_terminal(logger: logging.Logger, progress: bool = True) -> None:
    """Let a logger tell the terminal no more than a person wants to read, unless verbose; its file has everything.

    Args:
        logger: Of a Runner.
        progress: Whether it tells how far the run is, besides warnings.
    """
    if is_verbose():
        return
    for handler in logger.handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.addFilter(is_progress_or_warning if progress else is_warning)


def is_warning(record: logging.LogRecord) -> bool:
    """Whether a line of the log is a warning to the person at the terminal, not a library's to its developers."""
    return record.levelno >= logging.WARNING and not getattr(record, 'of_library', False)


def is_progress_or_warning(record: logging.LogRecord) -> bool:
    """Whether a line of the log is for the person at the terminal, too."""
    telling = record.filename in _TELLING or record.pathname.startswith(_PACKAGE)
    return is_warning(record) or (record.levelno < logging.WARNING and telling)


def _to_log_file(text: str) -> None:
    from mmengine.logging import MMLogger

    for logger in MMLogger._instance_dict.values():
        logger.warning(text, extra=dict(of_library=True))
