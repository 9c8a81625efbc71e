"""The smallest perturbation of each image, by an attack that seeks it and by a sweep of one that does not."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mmssl_robust.attacks import PGD, Attack
from mmssl_robust.attacks.result import AttackResult
from mmssl_robust.victims import Victim


@dataclass
class Smallest:
    """What was found of images, and what it cost.

    Attributes:
        sizes: Size of each image's smallest perturbation: 0 where nothing is left without one, infinite where none was
            found.
        passes: How often each image went through the model, forward or back.
    """

    sizes: list[float] = field(default_factory=list)
    passes: list[int] = field(default_factory=list)

    def add(self, sizes: Tensor, passes: Tensor) -> None:
        """Take the images (B,) of a batch."""
        self.sizes += sizes.tolist()
        self.passes += passes.tolist()

    def seek(self, victim: Victim, attack: Attack) -> None:
        """Take what an attack of the kind ``'minimal'`` finds of a batch."""
        result = victim.attack(attack)
        self.add(torch.where(result.success, result.norm, torch.inf), _passes(result))

    def sweep(self, victim: Victim, attack: Attack, radii: Sequence[float], steps: int) -> None:
        """Take the smallest of several radii at which PGD takes half of the quality.

        Args:
            victim: The batch.
            attack: Whose objective, norm and seed PGD takes.
            radii: Each for all images.
            steps: Of each radius, a quarter of it long.
        """
        sizes, passes = self._without(victim, attack), torch.zeros(len(victim.keys), dtype=torch.int64)
        for radius in sorted(radii):
            weaker = PGD(attack.objective, attack.norm, radius, step_size=None, steps=steps, seed=attack.seed)
            result = victim.attack(weaker)
            passes = passes + _passes(result).cpu()
            fallen = _halved(victim, weaker, result.adv)
            sizes = torch.where(fallen & sizes.isinf(), radius, sizes)
        self.add(sizes, passes)

    @staticmethod
    def _without(victim: Victim, attack: Attack) -> Tensor:
        """0 where nothing is left without a perturbation, else infinite."""
        fallen = _halved(victim, attack, victim.pixels)
        return torch.where(fallen, 0.0, torch.inf)


def _passes(result: AttackResult) -> Tensor:
    return result.forwards + result.backwards


def _halved(victim: Victim, attack: Attack, images: Tensor) -> Tensor:
    values = [victim.objective_values(attack, pixels) for pixels in (images, victim.pixels)]
    _, targets = victim.seen_by(attack)
    assert targets is not None
    return attack.objective.told(victim.thresholds).halved(values[0], values[1], targets).cpu()
