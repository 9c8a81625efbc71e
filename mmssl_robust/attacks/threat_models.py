"""What an attacker may do to an image: the norm balls around it.

A threat model knows its ball's geometry and nothing else: no image range, no
model, no loss. Perturbations are in units of pixels in [0, 1].
"""

from abc import ABC, abstractmethod
from fractions import Fraction
from math import isfinite
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from mmssl_robust.utils.errors import UserError


def parse_number(value: float | str, name: str) -> float:
    """Read a number that may be written as a fraction.

    Args:
        value: A number, or a string such as ``'8/255'`` or ``'0.03'``.
        name: What the number is, for the error message.

    Returns:
        The number.

    Raises:
        UserError: If it is no finite number.
    """
    try:
        number = float(Fraction(value.replace(' ', '')) if isinstance(value, str) else value)
    except (ValueError, TypeError, ZeroDivisionError):
        raise UserError(f"{name}={value!r} is no number: write one like 0.03 or '8/255'") from None
    if not isfinite(number):
        raise UserError(f'{name}={value!r} is not finite: write a finite number')
    return number


class ThreatModel(ABC):
    """The perturbations of size at most ``eps`` in some norm.

    Args:
        eps: Radius of the ball, a number or a fraction string such as ``'8/255'``.

    Raises:
        UserError: If the radius is negative.
    """

    slack: ClassVar[float]
    """By how much rounding may exceed the radius; relative to a radius above 1."""

    def __init__(self, eps: float | str) -> None:
        self.eps = parse_number(eps, 'eps')
        if self.eps < 0:
            raise UserError(f'eps={eps} is negative: give the radius of the allowed perturbation, at least 0')

    @abstractmethod
    def project(self, delta: Tensor) -> Tensor:
        """Return the nearest allowed perturbation to each of ``delta`` (B, C, H, W)."""

    @abstractmethod
    def ascent(self, grad: Tensor, step_size: float) -> Tensor:
        """Return the step of length ``step_size`` that raises the loss most to first order.

        Args:
            grad: Gradient of the loss (B, C, H, W). An image of zero gradient gets a zero step.
            step_size: Length of the step in the threat model's norm.
        """

    @abstractmethod
    def size(self, delta: Tensor) -> Tensor:
        """Return the norm of each perturbation: (B, C, H, W) to (B,)."""

    @abstractmethod
    def random(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw ``count`` numbers, together uniformly distributed in the ball."""


class Linf(ThreatModel):
    """Every entry changes by at most ``eps``, a number in [0, 1]."""

    slack = 1e-6

    def __init__(self, eps: float | str) -> None:
        super().__init__(eps)
        if self.eps > 1:
            raise UserError(f"eps={eps} is above 1: pixels lie in [0, 1], so 8 of 255 grey levels are '8/255'")

    def project(self, delta: Tensor) -> Tensor:
        """Clamp every entry."""
        return delta.clamp(-self.eps, self.eps)

    def ascent(self, grad: Tensor, step_size: float) -> Tensor:
        """Return the gradient's sign, times the step; NaN stays NaN, of which PyTorch's sign makes 0."""
        return step_size * torch.where(grad.isnan(), grad, grad.sign())

    def size(self, delta: Tensor) -> Tensor:
        """Return the largest entry, in magnitude."""
        return delta.abs().amax(dim=(1, 2, 3))

    def random(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw every number uniformly from [-eps, eps]."""
        return rng.uniform(-self.eps, self.eps, count)


class L2(ThreatModel):
    """The Euclidean norm of an image's perturbation, over all its entries, is at most ``eps``."""

    slack = 1e-5

    def project(self, delta: Tensor) -> Tensor:
        """Shrink what is too long, its direction kept."""
        size = self.size(delta)
        shrink = torch.where(size > self.eps, self.eps / size, torch.ones_like(size))
        return delta * shrink[:, None, None, None]

    def ascent(self, grad: Tensor, step_size: float) -> Tensor:
        """Return the gradient's direction, times the step."""
        # Squares of a saturated model's gradient underflow (1e-25 squared is 0 in float32): scale first.
        largest = grad.abs().amax(dim=(1, 2, 3), keepdim=True)
        grad = torch.where(largest == 0, torch.zeros_like(grad), grad / largest)
        size = self.size(grad)[:, None, None, None]
        return step_size * grad / size.clamp(min=1)  # the largest entry is 1, so is the size at least, or all is 0

    def size(self, delta: Tensor) -> Tensor:
        """Return the Euclidean norm."""
        return torch.linalg.vector_norm(delta, dim=(1, 2, 3))

    def random(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw a direction, and a radius whose power of ``count`` is uniform."""
        direction = rng.standard_normal(count)
        radius = self.eps * rng.random() ** (1 / count)
        return radius * direction / np.linalg.norm(direction)


THREAT_MODELS: dict[str, type[ThreatModel]] = {'linf': Linf, 'l2': L2}
