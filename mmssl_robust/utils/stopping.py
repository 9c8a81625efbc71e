"""Ending at the next safe place when the system asks for it.

Schedulers send SIGTERM before they take a machine away, and SIGUSR1 some time before a job's limit. The first of them
is noted, and loops end where nothing is lost; the second ends the process at once, as if nobody listened.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

import torch
from mmengine.dist import all_reduce, get_world_size, is_main_process
from torch.distributed import distributed_c10d

from .launch import leave_process_group

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
"""Those that ask for an end at the next safe place."""
_KEY = 'mmssl_robust/stop'
# Seconds in which the same signal is the same request: `timeout` sends it twice, and torchrun hands on to its processes
# what a scheduler has sent to all.
_ECHO = 1.0


class Stopped(SystemExit):
    """A command ends because it was asked to, with the shells' exit code for that: 128 + the number of the signal.

    Nothing that handles errors takes it for one.

    Args:
        signum: Number of the signal.
        kept: Where all is that was done, if in one file.
    """

    def __init__(self, signum: int, kept: str = '') -> None:
        super().__init__(128 + signum)
        self.signal = signal.Signals(signum)
        self.kept = kept


class _Request:
    """What this process was asked for; workers of data loaders inherit it with the handlers, and go on."""

    signum = 0
    moment = 0.0
    listener = 0


@contextmanager
def going_on_later(how: str = 'the same command goes on from here') -> Iterator[None]:
    """Listen to the signals meanwhile; when one of them, or Ctrl-C, has ended the work, say in a line how to go on.

    Args:
        how: To go on.

    Raises:
        Stopped: In place of ``KeyboardInterrupt``, or as raised within.
    """
    with _listening():
        try:
            yield
        except KeyboardInterrupt:
            raise _said(Stopped(signal.SIGINT), how) from None
        except Stopped as stopped:
            _said(stopped, how)
            leave_process_group()
            raise


def heard() -> bool:
    """Whether this process was asked to stop, or another one was and has called this; costs next to nothing.

    Who ends a loop of his own because of it meets the others in :func:`stop_together`.
    """
    if get_world_size() == 1:
        return bool(_Request.signum)
    store = distributed_c10d._get_default_store()
    if _Request.signum:
        store.set(_KEY, str(_Request.signum))
    return bool(_Request.signum) or store.check([_KEY])


def asked() -> int:
    """Number of the signal by which one of the processes was asked to stop, 0 if none was.

    The signal reaches processes at different moments: all of them must call it at the same place, and get the same.
    """
    if get_world_size() == 1:
        return _Request.signum
    number = torch.tensor(_Request.signum)
    all_reduce(number, 'max')
    return int(number)


def stop_together() -> None:
    """End all processes if one of them was asked to; all must call it at the same place.

    Raises:
        Stopped: If so.
    """
    signum = asked()
    if signum:
        raise Stopped(signum)


def worker_init(init: Callable[[int], None] | None) -> Callable[[int], None] | None:
    """What begins a worker of a data loader, so that a signal to all processes of a job leaves it at work.

    PyTorch lets a SIGTERM end its workers, and their process would miss them before the place where nothing is lost.
    One that is still there when its process ends gets a second one.

    Args:
        init: What would begin it otherwise; returned as it is where nobody listens.
    """
    return partial(_begin_worker, init) if _Request.listener else init


def _begin_worker(init: Callable[[int], None] | None, worker: int) -> None:
    signal.signal(signal.SIGTERM, _note)
    if init is not None:
        init(worker)


@contextmanager
def _listening() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # Python has no handlers elsewhere
        yield
        return
    _Request.signum, _Request.listener = 0, os.getpid()
    before = {signum: signal.signal(signum, _note) for signum in SIGNALS}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
        _Request.signum = _Request.listener = 0


def _note(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if signum == _Request.signum and time.monotonic() - _Request.moment < _ECHO:
        return
    if _Request.signum:
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
    _Request.signum, _Request.moment = signum, time.monotonic()
    if os.getpid() == _Request.listener and is_main_process():
        name = signal.Signals(signum).name
        # No print: it may have been interrupted in one.
        os.write(2, f'{name}: stopping where nothing is lost; a second signal ends at once\n'.encode())


def _said(stopped: Stopped, how: str) -> Stopped:
    if is_main_process():
        kept = f'{stopped.kept} has all that was done; ' if stopped.kept else ''
        print(f'stopped by {stopped.signal.name}: {kept}{how}', file=sys.stderr)
    return stopped
