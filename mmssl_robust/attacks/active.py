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

from mmssl_robust.attacks.objectives.base import ObjectiveValues

Iterates = Generator[tuple[Tensor, ObjectiveValues], Tensor | None, None]
"""What an optimiser is: it yields iterates that may be reported, with what each is worth, and is sent the places of the
images that go on, None for all; the others are in no later iterate."""


def narrowed(
    iterates: Iterates, indices: Tensor | None, stop_at_success: bool
) -> Iterator[tuple[Tensor, ObjectiveValues, Tensor | None]]:
    """Run an optimiser, and take each image from it after its first success if that is wanted.

    Args:
        iterates: The optimiser.
        indices: Places (N,) of its images in the call; None if it has all.
        stop_at_success: Whether images leave.

    Yields:
        An iterate, what it is worth, and the places of its images, None for all.
    """
    going = None
    while True:
        try:
            adv, values = iterates.send(going)
        except StopIteration:
            return
        yield adv, values, indices
        going = None
        if stop_at_success and values.success.any():
            going = (~values.success).nonzero()[:, 0]
            if not len(going):
                return
            indices = going if indices is None else indices[going]


def only(indices: Tensor | None, *parts: Any) -> tuple[Any, ...]:
    """Return some images of an optimiser's state, all if ``indices`` is None.

    Args:
        indices: Places (N,) of the images that go on.
        *parts: Tensors, batch first, values of an objective, objects with a method ``only``, or None.
    """
    return parts if indices is None else tuple(_part_of(part, indices) for part in parts)


def _part_of(part: Any, indices: Tensor) -> Any:
    if isinstance(part, Tensor):
        return part[indices]
    if isinstance(part, ObjectiveValues):
        return ObjectiveValues(*(values[indices] for values in part))
    return None if part is None else part.only(indices)


class Imagewise:
    """An object whose tensors have a row for each image."""

    def only(self, indices: Tensor) -> 'Imagewise':
        """The same of some of the images, by their places (N,)."""
        part = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(part, name, value[indices])
        return part


def shares(images: int, active: int | None, device: torch.device) -> tuple[Tensor, ...]:
    """Places of the images in the fewest parts of at most ``active``, as equal as can be; none if one is enough."""
    if active is None or images <= active:
        return ()
    return torch.arange(images, device=device).tensor_split(-(-images // active))
