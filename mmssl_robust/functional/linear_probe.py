"""Linear probes without labels: classes by k-means, and a logistic regression on them."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_LLOYD = 100  # iterations, of which k-means rarely needs more than 20
_NEWTON = 200  # iterations of L-BFGS
DECAY = 1e-3


class LinearProbe(NamedTuple):
    """Scores ``x @ weight.T + bias`` of K classes.

    Attributes:
        weight: (K, D).
        bias: (K,).
    """

    weight: Tensor
    bias: Tensor

    def classes(self, features: Tensor) -> Tensor:
        """Class (N,) of each of some features (N, D)."""
        scores = F.linear(features.double(), self.weight.to(features.device), self.bias.to(features.device))
        return scores.argmax(dim=-1)


def pseudo_classes(features: Tensor, number: int, seed: int = 0) -> Tensor:
    """Find classes by k-means: Lloyd's iterations from a start by k-means++.

    Args:
        features: (N, D).
        number: How many, at most N.
        seed: Of the start.

    Returns:
        Class (N,) of each, of 0 to ``number`` - 1; none is empty where there are as many different features.
    """
    generator = torch.Generator().manual_seed(seed)
    centres = features[torch.randint(len(features), (1,), generator=generator)]
    while len(centres) < number:
        nearest = torch.cdist(features, centres).amin(dim=1).square()
        nearest = nearest if nearest.sum() > 0 else torch.ones_like(nearest)
        centres = torch.cat([centres, features[torch.multinomial(nearest, 1, generator=generator)]])
    classes = torch.cdist(features, centres).argmin(dim=1)
    for _ in range(_LLOYD):
        for place in classes.unique():
            centres[place] = features[classes == place].mean(dim=0)
        before, classes = classes, torch.cdist(features, centres).argmin(dim=1)
        if torch.equal(before, classes):
            break
    return classes


def fit_probe(features: Tensor, classes: Tensor, number: int, decay: float = DECAY) -> LinearProbe:
    """Fit a logistic regression on features of unit variance.

    What is minimised is the mean cross-entropy plus ``decay`` / 2 times the squared norm of the weights on the
    standardised features, which has one minimum.

    Args:
        features: (N, D).
        classes: (N,).
        number: Of classes.
        decay: Above 0.

    Returns:
        The probe, of features as they were given.
    """
    features = features.double()
    mean, std = features.mean(dim=0), features.std(dim=0, correction=0).clamp(min=1e-12)
    inputs = (features - mean) / std
    weight = torch.zeros(number, inputs.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(number, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=_NEWTON, tolerance_grad=1e-9, tolerance_change=1e-14, line_search_fn='strong_wolfe'
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = F.cross_entropy(F.linear(inputs, weight, bias), classes) + decay / 2 * weight.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(loss)
    scaled = weight.detach() / std
    return LinearProbe(scaled, bias.detach() - scaled @ mean)


def probes_of(features: Tensor, number: int, repeats: int) -> list[LinearProbe]:
    """Fit probes on pseudo-classes of features (N, D), one for each start of k-means.

    Args:
        features: Of different images.
        number: Of classes.
        repeats: How many probes.
    """
    features = features.double().cpu()
    return [fit_probe(features, pseudo_classes(features, number, seed), number) for seed in range(repeats)]
