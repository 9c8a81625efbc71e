"""A defence as a function of pixels, with the gradient that an attacker takes for its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmssl_robust.utils.errors import UserError

_STREAM = 2  # tells draws of a defence from those of a random start, whose seeds are as long


def defend(
    defence: nn.Module,
    pixels: Tensor,
    bpda: bool = True,
    seed: int = 0,
    keys: Sequence[int] | None = None,
    calls: Sequence[int] | None = None,
) -> Tensor:
    """Transform images as a defence does.

    Args:
        defence: A function of pixels (B, 3, H, W) in [0, 1] to such. Where its attribute ``random`` is True it takes a
            NumPy generator for each image as well. ``has_gradient`` says that its own gradient is what an attacker
            wants, as of a blur.
        pixels: The images.
        bpda: Where it has no gradient of use, go back through it as if it were the identity (backward pass
            differentiable approximation, Athalye et al., *Obfuscated Gradients Give a False Sense of Security*, ICML
            2018). Otherwise its own gradient, which is 0 where outputs are steps.
        seed: Of its draws.
        keys: A number for each image, by default its place.
        calls: How often each image was drawn for before, by default never: a draw follows from these three numbers.

    Returns:
        (B, 3, H, W), in the type and on the device of the images.

    Raises:
        UserError: If the defence returns something else than an image for each.

    Examples:
        >>> import torch
        >>> from mmssl_robust.defences import Quantise, defend
        >>> pixels = torch.tensor([0.1, 0.6]).view(2, 1, 1, 1).expand(2, 3, 8, 8).clone().requires_grad_()
        >>> defended = defend(Quantise(levels=2), pixels)
        >>> defended.detach().unique()
        tensor([0., 1.])
        >>> defended.sum().backward()
        >>> pixels.grad.unique()  # as if the defence was not there; with bpda=False it would be 0
        tensor([1.])
    """
    keys = range(len(pixels)) if keys is None else keys
    calls = [0] * len(pixels) if calls is None else calls
    draws: list[list[np.random.Generator]] = []
    if getattr(defence, 'random', False):
        draws = [[np.random.default_rng((seed, *pair, _STREAM)) for pair in zip(keys, calls, strict=True)]]
    straight = bpda and not getattr(defence, 'has_gradient', False)
    with torch.autocast(pixels.device.type, enabled=False):
        changed = defence(pixels.detach() if straight else pixels, *draws)
    if not isinstance(changed, Tensor) or changed.shape != pixels.shape:
        got = tuple(changed.shape) if isinstance(changed, Tensor) else type(changed).__name__
        raise UserError(f'{type(defence).__name__} made {got} of images {tuple(pixels.shape)}: return one of each size')
    changed = changed.to(pixels)
    if straight:
        return _Straight.apply(pixels, changed)
    # What was computed outside of PyTorch is constant in steps: its gradient is 0, and not absent.
    return changed if changed.requires_grad or not pixels.requires_grad else changed + 0 * pixels


class _Straight(torch.autograd.Function):
    """Forward what was made of the pixels, back what is the pixels' own."""

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, changed: Tensor) -> Tensor:  # noqa: ARG004
        return changed.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # noqa: ARG004
        return grad, None
