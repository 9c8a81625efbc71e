"""Processes of their own that need not import anything: copies of this one, which a launcher seems to have started."""

import multiprocessing
import os
import runpy
import socket
import sys
from collections import OrderedDict
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path

from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

TOOLS = Path(__file__).resolve().parents[1] / 'tools'
# As long as a test may wait for processes that wait for each other.
PATIENCE = 300


def forget_mmengine() -> None:
    """Start without the scope, logger and visualiser that a Runner leaves behind as globals."""
    # MMEngine itself binds a new dict at times, so the content of the old one is not what to clear.
    for manager in (DefaultScope, MMLogger, MessageHub, Visualizer):
        manager._instance_dict = OrderedDict()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def ranks(processes: int) -> list[dict[str, str]]:
    """What torchrun says to each of its processes."""
    shared = dict(WORLD_SIZE=str(processes), MASTER_ADDR='127.0.0.1', MASTER_PORT=str(free_port()))
    return [shared | dict(RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(processes)]


def together(function: Callable[..., object], *arguments: object, environments: list[dict[str, str]]) -> list[int]:
    """Call a function in a process for each environment; returns their exit codes.

    Where one fails, the others are ended, as torchrun does.
    """
    context = multiprocessing.get_context('fork')
    workers = [context.Process(target=_call, args=(function, arguments, own)) for own in environments]
    for worker in workers:
        worker.start()
    running = workers
    while running:
        if not wait([worker.sentinel for worker in running], PATIENCE) or any(worker.exitcode for worker in workers):
            for worker in workers:
                worker.terminate()
        running = [worker for worker in running if worker.exitcode is None]
    return [worker.exitcode for worker in workers]


def tool(name: str, *arguments: object) -> None:
    """Run a tool of ``tools/`` in this process, as the command line would."""
    sys.argv = [name, *map(str, arguments)]
    runpy.run_path(str(TOOLS / name), run_name='__main__')


def tool_apart(name: str, *arguments: object) -> int:
    """Run a tool in a process of its own; returns its exit code, negative for a signal."""
    return together(tool, name, *arguments, environments=[{}])[0]


def tool_together(name: str, *arguments: object, processes: int = 2) -> list[int]:
    """Run a tool in several processes, as torchrun would; returns their exit codes."""
    return together(tool, name, *arguments, '--launcher', 'pytorch', environments=ranks(processes))


def _call(function: Callable[..., object], arguments: tuple, environment: dict[str, str]) -> None:
    os.environ |= environment
    forget_mmengine()
    function(*arguments)
