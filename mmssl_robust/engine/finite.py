"""Keeping weights whole when a loss is not."""

from contextlib import AbstractContextManager

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.optim import OptimWrapper
from torch import Tensor, nn


class NonFiniteLoss(Exception):
    """A loss was NaN or infinite, and no more steps may be skipped."""


class FiniteLossGuard:
    """Stands between a model's ``train_step`` and its optimiser: a loss that is not finite changes no weight.

    All processes decide alike, also where one of them alone has the bad loss. With gradient accumulation the
    batch counts as one without gradient; without it there is no step.

    Args:
        optim_wrapper: What makes the steps, of any kind.
        max_skips: How many steps in a row may be left out.
    """

    def __init__(self, optim_wrapper: OptimWrapper, max_skips: int = 0) -> None:
        self.optim_wrapper = optim_wrapper
        self.max_skips = max_skips
        self.skips = 0

    def optim_context(self, model: nn.Module) -> AbstractContextManager:
        """See mmengine's ``OptimWrapper``."""
        return self.optim_wrapper.optim_context(model)

    def update_params(self, loss: Tensor) -> None:
        """Update the parameters, unless the loss is not finite.

        Raises:
            NonFiniteLoss: If ``max_skips`` steps in a row were left out already.
        """
        if _finite_everywhere(loss):
            self.skips = 0
            self.optim_wrapper.update_params(loss)
            return
        if self.skips == self.max_skips:
            raise NonFiniteLoss
        self.skips += 1
        if self.optim_wrapper._accumulative_counts > 1:
            parameters = [p for group in self.optim_wrapper.param_groups for p in group['params']]
            self.optim_wrapper.update_params(sum((p * 0).sum() for p in parameters))


def _finite_everywhere(loss: Tensor) -> bool:
    finite = torch.isfinite(loss.detach()).all().int()
    if get_world_size() > 1:
        all_reduce(finite, 'min')
    return bool(finite)
