"""The metrics of depth themselves as objectives."""

from torch import Tensor

from .depth import DepthObjective, check_shapes


class DepthRMSE(DepthObjective):
    """Squared error over valid pixels, whose gradient has the direction of that of the RMSE and exists at 0 too.

    Everything as in :class:`DepthObjective`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import DepthRMSE
        >>> depth, truth = torch.full((1, 1, 8, 8), 5.0), torch.full((1, 1, 8, 8), 2.0)
        >>> truth[..., 0] = 0  # unknown
        >>> values = DepthRMSE().values(depth, truth, step=1, steps=20)
        >>> values.loss, values.score  # squared metres, minus metres
        (tensor([9.]), tensor([-3.]))
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the mean squared error (B,) in square metres, the same at every step."""
        check_shapes(outputs, targets)
        return self.mean((outputs - targets).square(), targets)


class DepthAbsRel(DepthObjective):
    """Absolute relative error ``|prediction - target| / target`` over valid pixels.

    Near pixels weigh more than in :class:`DepthRMSE`. Everything else as in :class:`DepthObjective`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import DepthAbsRel
        >>> depth, truth = torch.full((1, 1, 8, 8), 5.0), torch.full((1, 1, 8, 8), 2.0)
        >>> DepthAbsRel()(depth, truth, step=1, steps=20)  # 3 m of 2 m
        tensor([1.5000])
    """

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the error (B,), the same at every step."""
        check_shapes(outputs, targets)
        valid = self.valid(targets)
        return self.mean((outputs - targets).abs() / targets.where(valid, targets.new_ones(())), targets)
