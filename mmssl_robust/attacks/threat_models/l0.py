"""The threat model of a patch: a share of the pixels becomes anything."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmssl_robust.attack_settings import SLACK
from mmssl_robust.utils.errors import UserError

from .base import ThreatModel


class L0(ThreatModel):
    """At most a share ``eps`` of the pixels changes, to any value in [0, 1]; which, an attack's mask says.

    Raises:
        UserError: If the share is not above 0 and at most 1.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import L0
        >>> delta = torch.zeros(1, 3, 8, 8)
        >>> delta[:, 0, :4, :4] = 0.7  # of 16 of 64 pixels the red
        >>> L0(0.25).size(delta)
        tensor([0.2500])
    """

    slack = SLACK['l0']
    largest = 1.0

    def __init__(self, eps: float | str) -> None:
        super().__init__(eps)
        if not 0 < self.eps <= 1:
            raise UserError(f'eps={eps}: give the share of the image that a patch covers, above 0 and at most 1')

    def project(self, delta: Tensor, radii: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return the perturbation as it is: any value is allowed within the mask."""
        return delta

    def ascent(self, grad: Tensor, step_size: float | Tensor) -> Tensor:
        """Return the gradient's sign, times the step; NaN stays NaN."""
        return step_size * torch.where(grad.isnan(), grad, grad.sign())

    def size(self, delta: Tensor) -> Tensor:
        """Return the share of the pixels that have changed."""
        return (delta != 0).any(dim=1).to(delta.dtype).mean(dim=(1, 2))

    def random(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw every number uniformly from [0, 1]."""
        return rng.random(count)
