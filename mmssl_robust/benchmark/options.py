"""How a suite is run."""

from dataclasses import dataclass

from mmssl_robust.utils.precision import usable_precision
from mmssl_robust.victims.budget import parse_memory

from .shard import Shard


@dataclass(frozen=True)
class Options:
    """How a suite is run, besides what its rows say.

    Attributes:
        precision: ``'fp32'``, ``'fast-fp32'``, ``'bf16'`` or ``'fp16'``: how adversarial images are made; where the
            device has no ``'fast-fp32'``, it becomes ``'fp32'``.
        on_corrupt: ``'fail'`` or ``'skip'`` files that cannot be read.
        examples: How many of the most and of the least robust images are kept for each attack.
        device: Where to compute.
        attack_memory: See :class:`~mmssl_robust.engine.AttackTestLoop`.
        shard: Which part of the batches is made here.
    """

    precision: str = 'fp32'
    on_corrupt: str = 'fail'
    examples: int = 4
    device: str = 'cpu'
    attack_memory: str | None = None
    shard: Shard = Shard()

    def __post_init__(self) -> None:
        if self.attack_memory is not None:
            parse_memory(self.attack_memory)
        object.__setattr__(self, 'precision', usable_precision(self.precision, self.device))
