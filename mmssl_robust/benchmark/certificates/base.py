"""What is certified of a task's predictions, and how it is scored."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import pandas as pd
from mmengine.structures import BaseDataElement

from mmssl_robust.benchmark.statistics import Estimate, estimates
from mmssl_robust.certified import Smoothing
from mmssl_robust.tasks import Task

Predictions = Iterable[Sequence[BaseDataElement]]
"""Predictions for noisy versions of an image, some at a time."""


class Certifier(ABC):
    """Certifies the images of a task, and scores what is certified by the task's own metrics.

    Args:
        task: The task.
        metric: Its OpenMMLab metric, as the config sets it.
        smoothing: Noise and probabilities.
        radii: L2 radii at which to certify.
    """

    shown: ClassVar[tuple[str, ...]]
    """Which of the task's metrics follow from what is certified."""

    extra_passes: ClassVar[int] = 0
    """Forwards of the image without noise for each noisy one of a batch of draws, once."""

    def __init__(self, task: Task, metric: Any, smoothing: Smoothing, radii: Sequence[float]) -> None:
        self.task, self.metric, self.smoothing, self.radii = task, metric, smoothing, tuple(radii)

    @property
    def draws(self) -> int:
        """How often an image is drawn with noise."""
        return self.smoothing.n

    @abstractmethod
    def certify(self, predictions: Predictions) -> list[dict[str, Any]]:
        """Certify an image.

        Args:
            predictions: For :attr:`draws` noisy versions of it, with its ground truth.

        Returns:
            For each radius a row, with ``abstained``, the share of what is not certified, and what :meth:`scores`
            needs.
        """

    def tests(self, sample: BaseDataElement) -> int:
        """How many statements about an image must hold at once."""
        return 1

    def reach(self, sample: BaseDataElement) -> float:
        """The largest L2 radius that the draws of an image can certify, where they all agree; below 0 if none."""
        return self.smoothing.radius((self.smoothing.alpha / self.tests(sample)) ** (1 / self.smoothing.n))

    def abstained(self, radius: float, sample: BaseDataElement) -> float:
        """Whether the draws are too few to bound a median at this radius."""
        return float(radius > self.reach(sample))

    def plain(self, sample: BaseDataElement) -> dict[str, Any]:
        """Return the record of the model's own prediction for the image without noise."""
        return self.task.record(self.metric, sample)

    def scores(self, rows: pd.DataFrame, resamples: int) -> dict[str, Estimate]:
        """Score the rows of one radius, one for each image, or what :meth:`plain` gives.

        Args:
            rows: With ``index``.
            resamples: Of the bootstrap.
        """
        found = estimates(self.task.contributions(rows), resamples)
        return {name: found[name] for name in self.shown}
