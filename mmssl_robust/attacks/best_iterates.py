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


class NearestIterates:
    """Of each image the smallest perturbation at which it falls; of what stands, the lowest score.

    Args:
        inputs: Clean images (B, C, H, W).
        clean: What they are worth.
        fallen: Which have fallen without a perturbation (B,).
    """

    def __init__(self, inputs: Tensor, clean: ObjectiveValues, fallen: Tensor) -> None:
        self.adv, self.loss, self.score = inputs.clone(), clean.final_loss.clone(), clean.score.clone()
        self.size = torch.where(fallen, 0, torch.inf).to(inputs.dtype)

    def offer(self, places: Tensor, adv: Tensor, values: ObjectiveValues, sizes: Tensor, fallen: Tensor) -> None:
        """Take over the images of an iterate that are better.

        Args:
            places: Of the images (N,).
            adv: The iterate (N, C, H, W).
            values: What it is worth.
            sizes: Of its perturbations (N,).
            fallen: Which have fallen (N,).
        """
        score, loss = self.score[places], self.loss[places]
        lower = (values.score < score) | ((values.score == score) & (values.final_loss > loss))
        better = torch.where(fallen, sizes < self.size[places], lower & self.size[places].isinf())
        chosen = places[better]
        self.adv[chosen], self.score[chosen] = adv[better], values.score[better].to(score.dtype)
        self.loss[chosen] = values.final_loss[better].to(loss.dtype)
        self.size[chosen] = torch.where(fallen[better], sizes[better], torch.inf)

    def as_best(self) -> BestIterates:
        """Return what an attack reports; its success is that a perturbation was found."""
        kept, found = BestIterates(), self.size.isfinite()
        kept.offer(self.adv, ObjectiveValues(self.loss, self.loss, self.score, found), 0)
        return kept
