"""Predictions of a model for noisy versions of an image."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement

from mmssl_robust.certified import Smoothing, gaussian
from mmssl_robust.victims import Victim


def noisy_predictions(victim: Victim, smoothing: Smoothing, draws: int, batch: int) -> Iterator[list[BaseDataElement]]:
    """Yield predictions for an image with noise, as the model makes them of any image.

    Noise is added to the pixels before the model's own normalisation, and not to padding; nothing is clipped.

    Args:
        victim: The model and one image.
        smoothing: Standard deviation and seed.
        draws: How many.
        batch: How many go through the model at a time.
    """
    (rows, columns), (height, width) = victim.sizes[0], victim.pixels.shape[-2:]
    alone: dict[int, Victim] = {}
    for start in range(0, draws, batch):
        numbers = range(start, min(start + batch, draws))
        part = alone.setdefault(len(numbers), victim.only(torch.zeros(len(numbers), dtype=torch.long)))
        noise = gaussian((3, rows, columns), smoothing.sigma, smoothing.seed, victim.keys[0], numbers)
        noise = F.pad(noise, (0, width - columns, 0, height - rows))
        yield part.predict(part.pixels + noise.to(part.pixels))
