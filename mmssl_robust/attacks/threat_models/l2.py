"""The Euclidean threat model."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmssl_robust.attack_settings import SLACK

from .base import ThreatModel


class L2(ThreatModel):
    """The Euclidean norm of an image's perturbation, over all its entries, is at most ``eps``.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import L2
        >>> delta = torch.tensor([0.3, -0.4, 0.0]).view(1, 3, 1, 1)
        >>> L2(0.25).project(delta).flatten(), L2(1).size(delta)
        (tensor([ 0.1500, -0.2000,  0.0000]), tensor([0.5000]))
    """

    slack = SLACK['l2']

    def project(self, delta: Tensor, radii: Tensor | None = None) -> Tensor:
        """Shrink what is too long, its direction kept."""
        size = self.size(delta)
        limit = self.eps if radii is None else radii
        shrink = torch.where(size > limit, limit / size, torch.ones_like(size))
        return delta * shrink[:, None, None, None]

    def ascent(self, grad: Tensor, step_size: float | Tensor) -> Tensor:
        """Return the gradient's direction, times the step."""
        # Squares of a saturated model's gradient underflow (1e-25 squared is 0 in float32): scale first.
        largest = grad.abs().amax(dim=(1, 2, 3), keepdim=True)
        grad = torch.where(largest == 0, torch.zeros_like(grad), grad / largest)
        size = self.size(grad)[:, None, None, None]
        return step_size * grad / size.clamp(min=1)  # the largest entry is 1, so is the size at least, or all is 0

    def size(self, delta: Tensor) -> Tensor:
        """Return the Euclidean norm."""
        size: Tensor = torch.linalg.vector_norm(delta, dim=(1, 2, 3))
        return size

    def random(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw a direction, and a radius whose power of ``count`` is uniform."""
        direction = rng.standard_normal(count)
        radius: float = self.eps * rng.random() ** (1 / count)
        return radius * direction / float(np.linalg.norm(direction))
