"""A progress bar with the time left."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from mmengine.dist import is_main_process
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mmssl_robust.utils.terminal import console

Batch = TypeVar('Batch')


def track(batches: Iterable[Batch], description: str) -> Iterator[Batch]:
    """Iterate over batches, on a terminal with a bar; elsewhere MMEngine's log lines say the time left.

    Args:
        batches: An iterable of known length.
        description: What stands before the bar.
    """
    if not (is_main_process() and console.is_terminal):
        yield from batches
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
