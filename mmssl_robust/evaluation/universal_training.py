"""Making one perturbation for all images of a data set."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mmssl_robust.attacks.modes import eval_mode, frozen
from mmssl_robust.attacks.universal import Universal, UniversalAscent, shown
from mmssl_robust.datasets.tolerant import TolerantDataset
from mmssl_robust.utils.errors import UserError
from mmssl_robust.victims import Victim

from .walk import victims_in

_SHUFFLE = 1  # of random numbers, apart from those of the start


class Losses(NamedTuple):
    """Mean losses of the images.

    Attributes:
        clean: As they are.
        noise: Under the perturbation at the start, random and of full size.
        universal: Under that at the end.
    """

    clean: float
    noise: float
    universal: float


class UniversalTraining:
    """A model, images, and the perturbation that is made of them.

    Args:
        model: As for :func:`.walk.walk`, with weights.
        dataset: The images.
        attack: What is raised and in which ball; it needs no file.
        batch_size: Images of a step.
        memory: See :class:`~mmssl_robust.engine.AttackTestLoop`.
    """

    def __init__(
        self,
        model: nn.Module,
        dataset: TolerantDataset,
        attack: Universal,
        batch_size: int,
        memory: str | int | None = None,
    ) -> None:
        self.model, self.dataset, self.attack = model, dataset, attack
        self.batch_size, self.memory = batch_size, memory

    def run(self, epochs: int, step_size: float) -> tuple[Tensor, Losses]:
        """Go through the images so many times, in an order that follows from seed and epoch.

        Args:
            epochs: How many times; 0 leaves the random start.
            step_size: Length of a step in the norm; it falls to nothing in equal parts.

        Returns:
            The perturbation (3, H, W), of the size of the first image, and what it is worth.

        Raises:
            UserError: If no image can be read, or the objective does not fit the model.
        """
        images = list(range(len(self.dataset.indices)))
        ascent: UniversalAscent | None = None
        start = torch.empty(0)
        for epoch in range(max(epochs, 1)):
            order = np.random.default_rng((self.attack.seed, epoch, _SHUFFLE)).permutation(images).tolist()
            seen = 0
            for victim in self._victims(order, f'epoch {epoch + 1} of {epochs}'):
                if ascent is None:
                    ascent = UniversalAscent(self.attack, victim.pixels.shape[1:])
                    start = ascent.delta
                if epochs:
                    done = (epoch + seen / len(images)) / epochs
                    self._step(ascent, victim, step_size * (1 - done))
                seen += len(victim.keys)  # images of several sizes are several parts of a batch
        if ascent is None:
            raise UserError('no image can be read, of which a perturbation could be made')
        return ascent.delta.cpu(), self._losses(start, ascent.delta)

    def _step(self, ascent: UniversalAscent, victim: Victim, step_size: float) -> None:
        seen, targets = victim.seen_by(ascent.attack)
        with self._attacked():
            ascent.step(seen, victim.pixels, targets, victim.keys, victim.mask, step_size)

    def _losses(self, noise: Tensor, delta: Tensor) -> Losses:
        found: list[Tensor] = []
        for victim in self._victims(list(range(len(self.dataset.indices))), 'what it is worth'):
            images = [victim.pixels] + [shown(part, victim.pixels, victim.mask, self.attack) for part in (noise, delta)]
            found.append(torch.stack([victim.objective_values(self.attack, one).final_loss for one in images]))
        return Losses(*torch.cat(found, dim=1).double().mean(dim=1).tolist())

    def _victims(self, places: list[int], words: str) -> Iterator[Victim]:
        return victims_in(self.model, self.dataset, places, self.batch_size, words, self.memory)

    @contextmanager
    def _attacked(self) -> Iterator[None]:
        with eval_mode(self.model), frozen(self.model):
            yield


def notes_of_training(attack: Universal, **about: Any) -> dict[str, str]:
    """What a perturbation's file says of how it was made, name -> words.

    Args:
        attack: See :class:`UniversalTraining`.
        **about: What else, such as the data and the SHA-256 of the weights.
    """
    objective = attack.objective
    own = dict(objective=type(objective).__name__, reads=objective.reads, fit=attack.fit, seed=attack.seed)
    return {name: str(value) for name, value in (own | about).items()}
