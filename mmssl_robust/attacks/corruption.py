"""Common corruptions in the place of an attack: the same records and tables, without an aim."""

import torch
from torch import Tensor

from mmssl_robust.attacks.active import Iterates
from mmssl_robust.attacks.attack import Attack, Problem
from mmssl_robust.attacks.canvas import size_on_canvas
from mmssl_robust.attacks.objectives import EmbeddingDistance, Objective
from mmssl_robust.corruptions import MOVING, check_corruption, corrupted


class Corruption(Attack):
    """One corruption of each image, made without a look at the model. It bounds no attacker.

    Args:
        name: Of :data:`mmssl_robust.corruptions.COMMON` or :data:`~mmssl_robust.corruptions.EDITS`.
        severity: From 1 to 5.
        objective: By what the outcome is told besides the task's metrics; by default how far the embedding moves.
        seed: Of its random numbers, which follow from it, the image's key and the name.
        active: See :class:`Attack`.

    Raises:
        UserError: If there is no such corruption.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import Corruption
        >>> image = torch.full((1, 3, 8, 8), 0.2)
        >>> Corruption('lighten', severity=5)(torch.nn.Flatten(), image).adv.unique()  # times 2
        tensor([0.4000])
    """

    kind = 'corruption'

    def __init__(
        self,
        name: str = 'gaussian_noise',
        severity: int = 3,
        objective: Objective | None = None,
        seed: int = 0,
        active: int | None = None,
    ) -> None:
        check_corruption(name, severity)
        # The ball of all images: a corruption keeps to no smaller one.
        super().__init__(objective or EmbeddingDistance(), 'linf', 1.0, steps=0, seed=seed, active=active)
        self.name = name
        self.severity = severity

    @property
    def moves_pixels(self) -> bool:
        """Whether pixels are no longer where a dense ground truth has them."""
        return self.name in MOVING

    def _iterates(self, problem: Problem, restart: int) -> Iterates:
        adv = torch.stack([self._image(problem, place) for place in range(len(problem.inputs))])
        yield adv, problem.oracle.values(adv, problem.targets, 1)

    def _image(self, problem: Problem, place: int) -> Tensor:
        """The corrupted image (C, H, W), without its padding."""
        image, key = problem.inputs[place], problem.keys[place]
        if problem.mask is None:
            return corrupted(image, self.name, self.severity, self.seed, key)
        allowed = problem.mask[place, 0]
        rows, columns = size_on_canvas(allowed)
        whole = image.clone()
        whole[:, :rows, :columns] = corrupted(image[:, :rows, :columns], self.name, self.severity, self.seed, key)
        return torch.where(allowed, whole, image)
