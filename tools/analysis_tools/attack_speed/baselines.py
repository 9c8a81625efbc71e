"""What the baselines share: how a gradient is taken, and the loop around it."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmssl_robust.attacks.noise import random_start
from mmssl_robust.attacks.threat_models import THREAT_MODELS
from mmssl_robust.functional.pixel_space import PixelSpace

Gradient = Callable[[Tensor], Tensor]


def trainable(model: nn.Module) -> nn.Module:
    """Return a copy whose parameters want a gradient, in eval mode: what an attack finds that is handed a model."""
    return copy.deepcopy(model).requires_grad_(True).eval()


def fixed(model: nn.Module) -> nn.Module:
    """Return a copy whose parameters want no gradient, in eval mode."""
    return copy.deepcopy(model).requires_grad_(False).eval()


def by_backward(model: nn.Module, loss: Callable[[Tensor], Tensor]) -> Gradient:
    """Return the textbook's gradient of a loss: ``.backward()``, which fills those of the parameters too."""

    def gradient(pixels: Tensor) -> Tensor:
        pixels = pixels.detach().clone().requires_grad_()
        model.zero_grad()
        loss(pixels).backward()
        return pixels.grad

    return gradient


def bare(loss: Callable[[Tensor], Tensor]) -> Gradient:
    """Return the floor's gradient of a loss: that of the pixels alone."""

    def gradient(pixels: Tensor) -> Tensor:
        pixels = pixels.detach().requires_grad_()
        outputs = loss(pixels)
        return torch.autograd.grad(outputs, pixels, torch.ones_like(outputs))[0]

    return gradient


def normalised(model: nn.Module, pixels: Tensor) -> Tensor:
    """Return a model's inputs for pixels in [0, 1]."""
    return PixelSpace(model.data_preprocessor, pixels).to_inputs(pixels)


def noisy(pixels: Tensor, eps: float) -> Tensor:
    """Return the point of the ball from which the package's attacks start, too."""
    threat = THREAT_MODELS['linf'](eps)
    return threat.nearest(pixels, pixels + random_start(threat, pixels, range(len(pixels)), seed=0, restart=0))


def ascend(gradient: Gradient, pixels: Tensor, eps: float, step_size: float, steps: int) -> Tensor:
    """Return the last iterate of PGD."""
    adv = noisy(pixels, eps)
    for _ in range(steps):
        delta = adv + step_size * gradient(adv).sign() - pixels
        adv = (pixels + delta.clamp(-eps, eps)).clamp(0, 1)
    return adv
