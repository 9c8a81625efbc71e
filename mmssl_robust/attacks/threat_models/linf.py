"""The threat model of Goodfellow et al.: every entry changes a little."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmssl_robust.attack_settings import SLACK
from mmssl_robust.utils.errors import UserError

from .base import ThreatModel


class Linf(ThreatModel):
    """Every entry changes by at most ``eps``, a number in [0, 1].

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import Linf
        >>> delta = torch.tensor([0.5, -0.5, 0.05]).view(1, 3, 1, 1)
        >>> Linf('51/255').project(delta).flatten(), Linf(1).size(delta)
        (tensor([ 0.2000, -0.2000,  0.0500]), tensor([0.5000]))
    """

    slack = SLACK['linf']
    largest = 1.0

    def __init__(self, eps: float | str) -> None:
        super().__init__(eps)
        if self.eps > 1:
            raise UserError(f"eps={eps} is above 1: pixels lie in [0, 1], so 8 of 255 grey levels are '8/255'")

    def project(self, delta: Tensor, radii: Tensor | None = None) -> Tensor:
        """Clamp every entry."""
        if radii is None:
            return delta.clamp(-self.eps, self.eps)
        limit = radii[:, None, None, None]
        return delta.clamp(-limit, limit)

    def ascent(self, grad: Tensor, step_size: float | Tensor) -> Tensor:
        """Return the gradient's sign, times the step; NaN stays NaN, of which PyTorch's sign makes 0."""
        return step_size * torch.where(grad.isnan(), grad, grad.sign())

    def size(self, delta: Tensor) -> Tensor:
        """Return the largest entry, in magnitude."""
        return delta.abs().amax(dim=(1, 2, 3))

    def random(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw every number uniformly from [-eps, eps]."""
        return rng.uniform(-self.eps, self.eps, count)
