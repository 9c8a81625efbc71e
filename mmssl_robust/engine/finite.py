"""Keeping weights whole when a loss or a gradient is not."""

from contextlib import AbstractContextManager

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.optim import OptimWrapper
from torch import Tensor, nn


class NonFinite(Exception):
    """A loss or gradient was NaN or infinite, and no more steps may be left out."""


class FiniteGuard:
    """Stands between a model's ``train_step`` and its optimiser: what is not finite changes no weight.

    An optimiser step is left out, with all the batches that are accumulated for it, if a loss or a gradient among
    them is not finite, in any process. Gradients that a ``GradScaler`` looks after are left to it.

    Args:
        optim_wrapper: What makes the steps, of any kind.
        max_skips: How many steps in a row may be left out.

    Attributes:
        skips: How many steps were left out since the last one that was made.
    """

    def __init__(self, optim_wrapper: OptimWrapper, max_skips: int = 0) -> None:
        self.optim_wrapper = optim_wrapper
        self.max_skips = max_skips
        self.skips = 0
        self._finite = True

    def optim_context(self, model: nn.Module) -> AbstractContextManager:
        """See mmengine's ``OptimWrapper``."""
        return self.optim_wrapper.optim_context(model)

    def update_params(self, loss: Tensor) -> None:
        """Add a batch's gradient, and make a step when it is due; as mmengine's ``OptimWrapper`` but for the check.

        Raises:
            NonFinite: If a step is to be left out and ``max_skips`` in a row were left out already.
        """
        wrapper = self.optim_wrapper
        self._finite &= bool(loss.detach().isfinite().all())
        wrapper.backward(wrapper.scale_loss(loss))
        if not wrapper.should_update():
            return
        finite, self._finite = self._finite_everywhere(loss.device), True
        if finite:
            self.skips = 0
            wrapper.step()
        wrapper.zero_grad()
        if not finite:
            if self.skips == self.max_skips:
                raise NonFinite
            self.skips += 1

    def _finite_everywhere(self, device: torch.device) -> bool:
        scaler = getattr(self.optim_wrapper, 'loss_scaler', None)
        finite = self._finite
        if finite and not (scaler is not None and scaler.is_enabled()):
            parameters = (p for group in self.optim_wrapper.param_groups for p in group['params'])
            norms = [p.grad.detach().norm() for p in parameters if p.grad is not None]
            finite = bool(torch.stack(norms).isfinite().all()) if norms else True
        if get_world_size() == 1:
            return finite
        agreed = torch.tensor(int(finite), device=device)
        all_reduce(agreed, 'min')
        return bool(agreed)
