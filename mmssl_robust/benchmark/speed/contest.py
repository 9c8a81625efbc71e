"""What is compared: contenders that do the same work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from .baselines import Gradient
from .routes import fast
from .timing import Run


@dataclass(frozen=True)
class Settings:
    """What a case is built for.

    Attributes:
        device: Where it runs.
        batch_size: How many images; by default the case's own number.
        fast: Also run the package on the fast fp32 route, in the cases that have no target for it.
        memory: Budget for the windows' graphs, such as ``'2GB'``; None for the package's own.
        seed: Of the random weights and images.
        dtype: Of weights and images.
    """

    device: str = 'cpu'
    batch_size: int | None = None
    fast: bool = False
    memory: str | None = None
    seed: int = 0
    dtype: torch.dtype = torch.float32


@dataclass(frozen=True)
class Contest:
    """Contenders, of which ``'ours'`` is the package, ``'textbook'`` the plain structure, ``'floor'`` the bare loop.

    Attributes:
        images: How many images a run takes.
        runs: The contenders.
        forward: One forward of the encoder on the images, the unit F of counted operations; None if nothing is counted.
        counted: Operations of each contender, where counting a whole run would take too long.
        gradients: A gradient that each contender takes on the way, as a function of ``pixels``.
        pixels: Where the gradients are compared.
        notes: What a reader must know of the result.
    """

    images: int
    runs: Mapping[str, Run]
    forward: Run | None = None
    counted: Mapping[str, Callable[[], float]] = field(default_factory=dict)
    gradients: Mapping[str, Gradient] = field(default_factory=dict)
    pixels: torch.Tensor | None = None
    notes: str = ''

    def disagreement(self) -> float | None:
        """Return by how much a gradient differs from the textbook's at most, relative to its norm; None without any."""
        if 'textbook' not in self.gradients:
            return None
        expected = self.gradients['textbook'](self.pixels)
        others = [gradient(self.pixels) for name, gradient in self.gradients.items() if name != 'textbook']
        return max(float((other - expected).norm() / expected.norm()) for other in others)


def with_fast(runs: dict[str, Run], settings: Settings, always: bool = False) -> dict[str, Run]:
    """Return the contenders and, where it is wanted and there is a route, the package on the fast fp32 route."""
    wanted = (settings.fast or always) and settings.device == 'cpu'
    return runs | (dict(fast=fast(runs['ours'])) if wanted else {})
