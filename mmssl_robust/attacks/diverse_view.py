"""What a model sees of images that are shrunk at random (input diversity)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmssl_robust.attacks.objectives.base import Forward
from mmssl_robust.attacks.oracle import forward_of
from mmssl_robust.attacks.upsampled import Outputs

_STREAM = 2  # of random numbers, apart from those of starts and of Square
Place = tuple[int, int, int, int]
"""Top, left, height and width of an image on its canvas."""


@dataclass(frozen=True)
class DiverseView:
    """A model that sees each image shrunk, with its padding, somewhere on a black canvas of its size.

    Attributes:
        forward: The model.
        places: Where each image is, None where it is as it was.
    """

    forward: Forward
    places: Sequence[Place | None]

    def __call__(self, images: Tensor) -> Outputs:
        """Return the model's outputs for images (B, C, H, W)."""
        return self.forward(torch.stack([_placed(image, place) for image, place in zip(images, self.places)]))

    def only(self, indices: Tensor) -> 'DiverseView':
        """The same of some of the images, by their places (N,) in the batch."""
        chosen = [self.places[index] for index in indices.tolist()]
        return replace(self, forward=forward_of(self.forward, indices), places=chosen)


def drawn_places(
    size: Sequence[int], keys: Sequence[int], draw: tuple[int, int, int], share: float, smallest: float
) -> list[Place | None]:
    """Draw where images go, each by its own random numbers.

    Args:
        size: Height and width of the images.
        keys: A number for each image.
        draw: Seed of the attack, number of the restart and of the step.
        share: Probability that an image is shrunk.
        smallest: Least share of its side that is left.
    """
    return [_drawn(size, np.random.default_rng((draw[0], key, *draw[1:], _STREAM)), share, smallest) for key in keys]


def _drawn(size: Sequence[int], rng: np.random.Generator, share: float, smallest: float) -> Place | None:
    if rng.random() >= share:
        return None
    factor = rng.uniform(smallest, 1)
    height, width = (max(round(factor * side), 1) for side in size)
    top, left = (int(rng.integers(0, whole - part + 1)) for whole, part in zip(size, (height, width)))
    return top, left, height, width


def _placed(image: Tensor, place: Place | None) -> Tensor:
    if place is None:
        return image
    top, left, height, width = place
    small = F.interpolate(image[None], (height, width), mode='bilinear', align_corners=False)[0]
    bottom, right = image.shape[1] - top - height, image.shape[2] - left - width
    return F.pad(small, (left, right, top, bottom))
