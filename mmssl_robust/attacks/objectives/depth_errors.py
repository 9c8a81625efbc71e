"""The metrics of depth themselves as objectives."""

from torch import Tensor

from .depth import DepthObjective, check_shapes


class DepthRMSE(DepthObjective):
    """Squared error over valid pixels, whose gradient has the direction of that of the RMSE and exists at 0 too.

    Everything as in :class:`DepthObjective`.
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the mean squared error (B,) in square metres, the same at every step."""
        check_shapes(outputs, targets)
        return self.mean((outputs - targets).square(), targets)


class DepthAbsRel(DepthObjective):
    """Absolute relative error ``|prediction - target| / target`` over valid pixels.

    Near pixels weigh more than in :class:`DepthRMSE`. Everything else as in :class:`DepthObjective`.
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the error (B,), the same at every step."""
        check_shapes(outputs, targets)
        valid = self.valid(targets)
        return self.mean((outputs - targets).abs() / targets.where(valid, targets.new_ones(())), targets)
