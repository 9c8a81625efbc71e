"""The loss of whatever task is at hand."""

from typing import Any

from torch import Tensor

from mmssl_robust.attacks.upsampled import full

from .base import Forward, Objective, ObjectiveValues
from .cospgd import CosPGDLoss
from .depth_errors import DepthRMSE
from .margin import Margin
from .multi_label import BinaryCrossEntropy


class TaskLoss(Objective):
    """One objective for every task, by the shape of its ground truth, so that one preset serves all.

    A class for each image (B,): :class:`Margin`, which does not saturate. Several labels (B, K):
    :class:`BinaryCrossEntropy`. A class for each pixel (B, H, W): :class:`CosPGDLoss`. Depth (B, 1, H, W):
    :class:`DepthRMSE`. Scores and successes are theirs.

    Args:
        ignore_index: See :class:`SegmentationObjective`.
        min_depth: See :class:`DepthObjective`.
        max_depth: Likewise.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import TaskLoss
        >>> shapes = dict(classes=(2,), labels=(2, 20), pixels=(2, 8, 8), depth=(2, 1, 8, 8))
        >>> [type(TaskLoss().of(torch.zeros(shape))).__name__ for shape in shapes.values()]
        ['Margin', 'BinaryCrossEntropy', 'CosPGDLoss', 'DepthRMSE']
    """

    takes_upsampled = True

    ignore_index: int
    min_depth: float
    max_depth: float

    def __init__(
        self, ignore_index: int | None = None, min_depth: float | None = None, max_depth: float | None = None
    ) -> None:
        self.keep_thresholds(ignore_index=ignore_index, min_depth=min_depth, max_depth=max_depth)

    def of(self, targets: Tensor) -> Objective:
        """Return the objective of the task whose ground truth this is.

        Raises:
            ValueError: If it is of none.
        """
        if targets.ndim == 1:
            return Margin()
        if targets.ndim == 2:
            return BinaryCrossEntropy()
        if targets.ndim == 3:
            return CosPGDLoss(self.ignore_index)
        if targets.ndim == 4:
            return DepthRMSE(self.min_depth, self.max_depth)
        raise ValueError(f'TaskLoss knows no task with targets {tuple(targets.shape)}')

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Check the targets as the task's objective does."""
        targets = super().prepare(forward, inputs, targets)
        return self.of(targets).prepare(forward, inputs, targets)

    def values(self, outputs: Any, targets: Tensor, step: int, steps: int) -> ObjectiveValues:
        """Return all measures at once."""
        return self.of(targets).values(self._given(outputs, targets), targets, step, steps)

    def __call__(self, outputs: Any, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the loss (B,) of a step."""
        return self.of(targets)(self._given(outputs, targets), targets, step, steps)

    def score(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return accuracy, pixel accuracy, minus the RMSE, or that of several labels."""
        return self.of(targets).score(self._given(outputs, targets), targets)

    def success(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return what the task's objective calls a success."""
        return self.of(targets).success(self._given(outputs, targets), targets)

    def halved(self, found: ObjectiveValues, clean: ObjectiveValues, targets: Tensor) -> Tensor:
        """Return what the task's objective calls half of the quality."""
        return self.of(targets).halved(found, clean, targets)

    def outside(self, targets: Tensor, region: Tensor) -> Tensor:
        """Return what the task's objective does."""
        return self.of(targets).outside(targets, region)

    def flat(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return what the task's objective does."""
        return self.of(targets).flat(score, targets)

    def idle(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return what the task's objective does."""
        return self.of(targets).idle(score, targets)

    def broken(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return what the task's objective does."""
        return self.of(targets).broken(self._given(outputs, targets), targets)

    def chance(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return what the task's objective does."""
        return self.of(targets).chance(self._given(outputs, targets), targets)

    def _given(self, outputs: Any, targets: Tensor) -> Any:
        return outputs if self.of(targets).takes_upsampled else full(outputs)
