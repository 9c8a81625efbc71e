"""The package's own side of every comparison, by the way its users go: a victim and an attack."""

import torch
from torch import Tensor, nn

from mmssl_robust.attacks import Attack
from mmssl_robust.attacks.modes import eval_mode, frozen
from mmssl_robust.attacks.oracle import Oracle, QueryCount
from mmssl_robust.utils.allocator import return_freed_memory
from mmssl_robust.victims import Victim, build_victim

from .baselines import Gradient


def victim_of(model: nn.Module, batch: dict, memory: str | None = None) -> Victim:
    """Return the victim, by default with memory for all windows."""
    return build_victim(model, batch, memory or '1000GB')


def gradient_of(victim: Victim, attack: Attack, step: int = 1) -> Gradient:
    """Return one gradient of an attack as a function of the victim's pixels (B, 3, H, W).

    Args:
        victim: What is attacked.
        attack: Of whose objective it is.
        step: Number of the step.
    """
    forward, targets = victim.seen_by(attack)
    count = QueryCount(len(victim.pixels), victim.pixels.device)
    oracle = Oracle(forward, attack.objective, victim.keys, count)
    with torch.no_grad(), eval_mode(victim.model):
        targets = attack.objective.prepare(oracle.forward, victim.pixels, targets)

    def gradient(pixels: Tensor) -> Tensor:
        with eval_mode(victim.model), frozen(victim.model):
            try:
                return oracle.gradient(pixels, targets, step, attack.steps, victim.mask)[0]
            finally:
                return_freed_memory(pixels.device, False)

    return gradient
