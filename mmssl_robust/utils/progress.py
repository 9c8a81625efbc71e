"""How far a command is: a bar with the time left on a terminal, elsewhere a line at least every minute."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TypeVar

from mmengine.dist import is_main_process
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mmssl_robust.utils.terminal import console
from mmssl_robust.utils.wording import spoken

INTERVAL = 60.0
"""Seconds between two lines."""
Batch = TypeVar('Batch')


def track(batches: Iterable[Batch], description: str) -> Iterator[Batch]:
    """Iterate over batches, on a terminal with a bar, elsewhere with a line every minute.

    Args:
        batches: An iterable of known length.
        description: What stands before the bar.
    """
    if not (is_main_process() and console.is_terminal):
        yield from _with_lines(batches, description)
        return
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn('left'),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield from progress.track(batches, description=description)


def _with_lines(batches: Iterable[Batch], description: str) -> Iterator[Batch]:
    done, total = 0, len(batches)  # type: ignore[arg-type]
    with progress_lines(description, lambda: (done, total)):
        for batch in batches:
            yield batch
            done += 1


@contextmanager
def progress_lines(
    description: str, position: Callable[[], tuple[int, int]], slow_first: bool = False
) -> Iterator[None]:
    """Print a line every minute, also amid a step that takes longer; of one process, and where there is no terminal.

    Args:
        description: What stands before it.
        position: Gives how many steps are done, and of how many.
        slow_first: Whether the first steps take longer than the others, so that what is left is less than they say.
    """
    if console.is_terminal or not is_main_process():
        yield
        return
    lines, stop = ProgressLines(description, 'at most' if slow_first else 'about'), Event()

    def run() -> None:
        while not stop.wait(INTERVAL):
            console.print(lines.line(*position()), soft_wrap=True, markup=False, highlight=False)

    thread = Thread(target=run, name=f'progress of {description}', daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class ProgressLines:
    """Lines that say how far something is, and for how long it will go on.

    Args:
        description: What stands before it.
        word: Before the time that is left.
        clock: Gives the time in seconds.
    """

    def __init__(self, description: str, word: str = 'about', clock: Callable[[], float] = time.monotonic) -> None:
        self._description, self._word, self._clock = description, word, clock
        self._start = clock()
        self._done, self._seconds = 0, 0.0

    def line(self, done: int, total: int) -> str:
        """What to say now.

        Args:
            done: Steps that are done.
            total: Of how many.
        """
        elapsed = self._clock() - self._start
        if done != self._done:
            self._done, self._seconds = done, elapsed
        text = f'{self._description}: {done} of {total} after {spoken(elapsed)}'
        if not done:
            return f'{text}, time left not yet known'
        whole = max(self._seconds / done * total, elapsed)  # the next step is under way, or takes longer
        return f'{text}, {self._word} {spoken(whole - elapsed)} left'
