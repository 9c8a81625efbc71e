"""Which iterate an attack reports."""

import torch
from torch import Tensor

from mmssl_robust.attacks.objectives.base import ObjectiveValues


class BestIterates:
    """The best iterate offered so far, image by image: lowest score, ties broken by the highest loss.

    Args:
        first: A success is better than any failure, whatever its score: of an image that is offered no more after its
            first success, this is kept.
    """

    adv: Tensor
    loss: Tensor
    score: Tensor
    success: Tensor
    restart: Tensor

    def __init__(self, first: bool = False) -> None:
        self.first = first
        self.empty = True

    def offer(self, adv: Tensor, values: ObjectiveValues, restart: int, indices: Tensor | None = None) -> None:
        """Take over the images of a restart's iterate that are better than what is kept.

        Args:
            adv: The iterate (N, C, H, W).
            values: What it is worth.
            restart: Number of the restart.
            indices: Places (N,) of its images; by default it holds all.
        """
        _, loss, score, success = values
        restarts = torch.full_like(success, restart, dtype=torch.int64)
        new = dict(adv=adv, loss=loss, score=score, success=success, restart=restarts)
        if self.empty:
            # Copies, since images are written below, and the iterate is still the optimiser's.
            vars(self).update({name: part.clone() for name, part in new.items()})
            self.empty = False
            return
        whole = {name: getattr(self, name) for name in new}
        old = whole if indices is None else {name: part[indices] for name, part in whole.items()}
        better = (score < old['score']) | ((score == old['score']) & (loss > old['loss']))
        if self.first:
            better |= success
        for name, part in new.items():
            chosen = torch.where(better[:, None, None, None] if part.ndim > 1 else better, part, old[name])
            if indices is None:
                setattr(self, name, chosen)
            else:
                whole[name][indices] = chosen
