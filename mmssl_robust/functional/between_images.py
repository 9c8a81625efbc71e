"""How far apart different images lie, from a few sums of each."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Moments(NamedTuple):
    """Sums over the vectors of each of M images.

    Attributes:
        sums: (M, D), of the vectors.
        squares: (M,), of their squared lengths.
        counts: (M,), how many there are.
    """

    sums: Tensor
    squares: Tensor
    counts: Tensor

    @classmethod
    def of(cls, vectors: Tensor, normalised: bool = False) -> 'Moments':
        """The moments of vectors (M, N, D), in double precision.

        Args:
            vectors: N of each image.
            normalised: Take their directions alone.
        """
        vectors = vectors.double()
        vectors = F.normalize(vectors, dim=-1) if normalised else vectors
        counts = torch.full((len(vectors),), float(vectors.shape[1]), dtype=torch.float64, device=vectors.device)
        return cls(vectors.sum(dim=1), vectors.square().sum(dim=(1, 2)), counts)


def between_images(moments: Moments) -> float:
    """Root mean square of the distances between vectors of different images.

    The sum of ||x - y||^2 over all ordered pairs is 2 (N Q - ||S||^2), for N vectors with the sum S and squared lengths
    that sum to Q; from it go the pairs within an image. Of directions half the square of what is returned is 1 minus
    the mean cosine.

    Args:
        moments: Of at least two images.
    """
    sums, squares, counts = moments
    everything = counts.sum() * squares.sum() - sums.sum(dim=0).square().sum()
    within = (counts * squares).sum() - sums.square().sum()
    pairs = counts.sum().square() - counts.square().sum()
    return float((2 * (everything - within) / pairs).clamp(min=0).sqrt())
