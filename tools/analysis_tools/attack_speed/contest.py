"""What is compared: contenders that do the same work."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from mmssl_robust.utils.precision import has_fast_route

from .baselines import Gradient
from .counting import flops, with_flops
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
        counted: Operations of each contender, where a run is more than one of its gradients.
        gradients: A gradient that each contender takes on the way, as a function of ``pixels``.
        pixels: Where the gradients are compared.
        unlike: Contenders whose gradient is another one.
        notes: What a reader must know of the result.
        valid: Whether this is what the targets speak of.
    """

    images: int
    runs: Mapping[str, Run]
    forward: Run | None = None
    counted: Mapping[str, Callable[[], float]] = field(default_factory=dict)
    gradients: Mapping[str, Gradient] = field(default_factory=dict)
    pixels: torch.Tensor | None = None
    unlike: Collection[str] = ()
    notes: str = ''
    valid: bool = True

    def examine(self) -> tuple[dict[str, float], float | None]:
        """Take every gradient once, which warms up, too.

        Returns:
            Counted operations of each contender in forwards of the encoder. By how much a gradient differs from the
            textbook's at most, relative to its norm; None without any.
        """
        found = {name: with_flops(lambda run=run: run(self.pixels)) for name, run in self.gradients.items()}
        gradients, counts = ({name: pair[part] for name, pair in found.items()} for part in (0, 1))
        if self.counted:
            counts = {name: count() for name, count in self.counted.items()}
        unit = flops(self.forward) if self.forward else None
        operations = {name: count / unit for name, count in counts.items()} if unit else {}
        expected = gradients.pop('textbook', None)
        alike = [gradient for name, gradient in gradients.items() if name not in self.unlike]
        differences = [float((gradient - expected).norm() / expected.norm()) for gradient in alike]
        return operations, max(differences, default=None)


def with_fast(runs: dict[str, Run], settings: Settings, model: nn.Module, always: bool = False) -> dict[str, Run]:
    """Return the contenders and, where it is wanted and there is a route, the package on the fast fp32 route."""
    wanted = (settings.fast or always) and settings.device == 'cpu' and has_fast_route()
    return runs | (dict(fast=fast(runs['ours'], model)) if wanted else {})
