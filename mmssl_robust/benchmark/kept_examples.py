"""The most and the least robust images of an attack, found while it runs."""

from collections.abc import Callable
from pathlib import Path

from mmssl_robust.tasks import Example
from mmssl_robust.tasks.pictures import load_example


class KeptExamples:
    """Keeps the examples whose quality under attack is highest, and those that lost most of it.

    What is kept depends on what was offered alone, not on the order, so that a run that was killed goes on as if it
    had not been. Several processes may share the folder; :meth:`tidy` then removes what only one of them would keep.

    Args:
        folder: Where the examples are kept, ``INDEX.npz`` each.
        size: How many of each kind.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = Path(folder)
        self.size = size
        self._qualities: dict[int, tuple[float, float]] = {}
        for path in self.folder.glob('[!.]*.npz'):
            example = load_example(path)
            self._qualities[example.index] = (example.quality_before, example.quality_after)

    def offer(self, index: int, before: float, after: float, make: Callable[[], Example]) -> None:
        """Keep an image if it is among the extremes so far.

        Args:
            index: Its index in the data set.
            before: Quality of its clean prediction.
            after: Quality under attack.
            make: Called if it is kept.
        """
        self._qualities[index] = (before, after)
        if index in self._extremes():
            make().save(self._path(index))
        self.tidy()

    def tidy(self) -> None:
        """Remove what is no extreme."""
        extremes = self._extremes()
        for index in [index for index in self._qualities if index not in extremes]:
            del self._qualities[index]
            self._path(index).unlink(missing_ok=True)

    def _extremes(self) -> set[int]:
        indices = sorted(self._qualities)  # of equals, the first ones

        def drop(index: int) -> float:
            before, after = self._qualities[index]
            return after - before

        best = sorted(indices, key=lambda index: -self._qualities[index][1])[: self.size]
        return {*best, *sorted(indices, key=drop)[: self.size]}

    def _path(self, index: int) -> Path:
        return self.folder / f'{index:06d}.npz'
