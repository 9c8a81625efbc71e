"""Which images are still under attack, and how many of them the model sees at once.

All images of a call take a step together, so that an objective whose loss depends on the step (SegPGD) sees one step
number. What has succeeded leaves, and the model is given what remains in parts that are full again at every step: the
places of images that left go to images that wait, and no image has a step counter of its own.
"""

import copy
from collections.abc import Generator, Iterator
from typing import Any

import torch
from torch import Tensor

from mmssl_robust.attacks.objectives.base import Judgement

Iterates = Generator[tuple[Tensor, Judgement], Tensor | None, None]
"""What an optimiser is: it yields iterates that may be reported, with what each is worth, and is sent the places of the
images that go on, None for all; the others are in no later iterate."""


def narrowed(
    iterates: Iterates, rows: Tensor | None, stop_at_success: bool
) -> Iterator[tuple[Tensor, Judgement, Tensor | None]]:
    """Run an optimiser, and take each image from it after its first success if that is wanted.

    Args:
        iterates: The optimiser.
        rows: Places (N,) of its images in the call; None if it has all.
        stop_at_success: Whether images leave.

    Yields:
        An iterate, what it is worth, and the places of its images, None for all.
    """
    going = None
    while True:
        try:
            adv, judgement = iterates.send(going)
        except StopIteration:
            return
        yield adv, judgement, rows
        going = None
        if stop_at_success and judgement.success.any():
            going = (~judgement.success).nonzero()[:, 0]
            if not len(going):
                return
            rows = going if rows is None else rows[going]


def only(rows: Tensor | None, *parts: Any) -> tuple[Any, ...]:
    """Return some rows of an optimiser's state, all if ``rows`` is None.

    Args:
        rows: Places (N,) of the images that go on.
        *parts: Tensors, batch first, judgements, objects with a method ``only``, or None.
    """
    return parts if rows is None else tuple(_rows_of(part, rows) for part in parts)


def _rows_of(part: Any, rows: Tensor) -> Any:
    if isinstance(part, Tensor):
        return part[rows]
    if isinstance(part, Judgement):
        return Judgement(*(values[rows] for values in part))
    return None if part is None else part.only(rows)


class Rowwise:
    """An object whose tensors have a row for each image."""

    def only(self, rows: Tensor) -> 'Rowwise':
        """The same of some of the images, by their places (N,)."""
        part = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(part, name, value[rows])
        return part


def shares(images: int, active: int | None, device: torch.device) -> tuple[Tensor, ...]:
    """Places of the images in the fewest parts of at most ``active``, as equal as can be; none if one is enough."""
    if active is None or images <= active:
        return ()
    return torch.arange(images, device=device).tensor_split(-(-images // active))
