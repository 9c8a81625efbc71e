"""What all threat models share."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import parse_number


class ThreatModel(ABC):
    """The perturbations of size at most ``eps`` in some norm.

    Args:
        eps: Radius of the ball, a number or a fraction string such as ``'8/255'``.

    Raises:
        UserError: If the radius is negative.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import L2, Linf
        >>> gradient = torch.tensor([3.0, -4.0, 0.0]).view(1, 3, 1, 1)
        >>> for threat in (Linf(0.1), L2(0.1)):
        ...     print(threat.ascent(gradient, step_size=0.1).flatten())
        tensor([ 0.1000, -0.1000,  0.0000])
        tensor([ 0.0600, -0.0800,  0.0000])
    """

    slack: ClassVar[float]
    """By how much rounding may exceed the radius; relative to a radius above 1."""

    largest: ClassVar[float] = float('inf')
    """The largest radius that has a meaning."""

    def __init__(self, eps: float | str) -> None:
        self.eps = parse_number(eps, 'eps')
        if self.eps < 0:
            raise UserError(f'eps={eps} is negative: give the radius of the allowed perturbation, at least 0')

    @abstractmethod
    def project(self, delta: Tensor, radii: Tensor | None = None) -> Tensor:
        """Return the nearest allowed perturbation to each of ``delta`` (B, C, H, W).

        Args:
            delta: Perturbations.
            radii: A radius (B,) for each, in place of ``eps``.
        """

    def nearest(self, inputs: Tensor, images: Tensor, radii: Tensor | None = None) -> Tensor:
        """Return allowed images near to ``images`` (B, C, H, W): in the ball around ``inputs`` and in [0, 1].

        Args:
            inputs: Centres of the balls (B, C, H, W).
            images: Where to look.
            radii: As for :meth:`project`.
        """
        return (inputs + self.project(images - inputs, radii)).clamp(0, 1)

    def scaled(self, factor: float) -> 'ThreatModel':
        """Return the ball whose radius is larger by a factor, at most that which holds all images."""
        return type(self)(min(factor * self.eps, self.largest))

    @abstractmethod
    def ascent(self, grad: Tensor, step_size: float | Tensor) -> Tensor:
        """Return the step of length ``step_size`` that raises the loss most to first order.

        Args:
            grad: Gradient of the loss (B, C, H, W). An image of zero gradient gets a zero step.
            step_size: Length of the step in the threat model's norm, one for all images or (B, 1, 1, 1).
        """

    @abstractmethod
    def size(self, delta: Tensor) -> Tensor:
        """Return the norm of each perturbation: (B, C, H, W) to (B,)."""

    @abstractmethod
    def random(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw ``count`` numbers, together uniformly distributed in the ball."""
