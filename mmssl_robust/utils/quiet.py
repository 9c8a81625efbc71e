"""What other libraries say at the terminal: hushed unless ``--verbose``; the log file has all of it."""

import logging
import os
import warnings
from pathlib import Path
from typing import Any, TextIO

VERBOSE = 'MMSSL_VERBOSE'
"""Variable that is ``1`` where all is to be shown."""

_PACKAGE = str(Path(__file__).resolve().parents[1])
# Of MMEngine's INFO lines those that say how far a run is; the others list the config, the hooks and the machine.
_LOSSES = 'logger_hook.py'
_TELLING = (_LOSSES, 'checkpoint_hook.py', 'early_stopping_hook.py')
_EXPERIMENT = 'Exp name: '  # which the logger hook says among the losses
# Warnings of MMEngine's that its user can do nothing about, by their beginnings.
_OF_DEVELOPERS = (
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'The prefix is not set in metric',
)


def is_verbose() -> bool:
    """Whether the person at the terminal wants to see all that libraries say."""
    return os.environ.get(VERBOSE) == '1'


def hush_python() -> None:
    """Let the libraries tell a script or notebook no more than errors, unless verbose or it has a logger of MMEngine's.

    Unlike :func:`hush_libraries` it leaves other libraries' warnings alone: they are for the person who calls them.
    """
    if is_verbose():
        return
    from mmengine.logging import MMLogger

    _hush_developers()
    if not MMLogger._instance_dict:
        MMLogger.get_instance('mmssl_robust', log_level='ERROR')


def hush_libraries() -> None:
    """Keep from the terminal what MMEngine prints for its developers, and other libraries' warnings, unless verbose.

    It must be called before OpenMMLab's libraries are imported.
    """
    if is_verbose():
        return
    _hush_developers()
    show = warnings.showwarning

    def showwarning(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if filename.startswith(_PACKAGE):
            show(message, category, filename, lineno, file, line)
        else:
            _to_log_file(warnings.formatwarning(message, category, filename, lineno).strip())

    warnings.showwarning = showwarning


def _hush_developers() -> None:
    """Drop what the libraries print for debugging while they are imported, and mmcv's advice, once."""
    from mmengine import logging as mm_logging

    original = mm_logging.print_log
    if original.__module__ == __name__:
        return

    def print_log(msg: Any, logger: Any = None, level: int = logging.INFO) -> None:
        if logger is not None or level >= logging.INFO:  # without a logger MMEngine prints what is for debugging
            original(msg, logger, level)

    mm_logging.print_log = print_log
    # to install its compiled operators, of which nothing here uses any
    warnings.filterwarnings('ignore', message='Fail to import')


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


def hush_training(logger: logging.Logger) -> None:
    """Let the training of a head, one step of many, tell the terminal of its losses and of warnings, unless verbose."""
    if is_verbose():
        return
    for handler in logger.handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.addFilter(is_loss_or_warning)


def is_warning(record: logging.LogRecord) -> bool:
    """Whether a line of the log is a warning to the person at the terminal, not a library's to its developers."""
    of_library = getattr(record, 'of_library', False) or str(record.msg).startswith(_OF_DEVELOPERS)
    return record.levelno >= logging.WARNING and not of_library


def is_loss_or_warning(record: logging.LogRecord) -> bool:
    """Whether a line of the log says how a training goes, or is a warning."""
    return is_warning(record) or (_is_progress(record) and record.filename == _LOSSES)


def is_progress_or_warning(record: logging.LogRecord) -> bool:
    """Whether a line of the log is for the person at the terminal, too."""
    telling = record.filename in _TELLING or record.pathname.startswith(_PACKAGE)
    return is_warning(record) or (_is_progress(record) and telling)


def _is_progress(record: logging.LogRecord) -> bool:
    return record.levelno < logging.WARNING and not str(record.msg).startswith(_EXPERIMENT)


def to_log_files(text: str) -> None:
    """Write an error into the log files of all that runs, and nowhere else."""
    from mmengine.logging import MMLogger

    for logger in MMLogger._instance_dict.values():
        record = logger.makeRecord(logger.name, logging.ERROR, __file__, 0, text, (), None)
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.handle(record)


def _to_log_file(text: str) -> None:
    from mmengine.logging import MMLogger

    for logger in MMLogger._instance_dict.values():
        logger.warning(text, extra=dict(of_library=True))
