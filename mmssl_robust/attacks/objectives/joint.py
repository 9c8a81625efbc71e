"""Several losses of one image, to be raised by one perturbation."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_number

from .base import Forward, Objective

Balance = Literal['relative', 'sum']
Heads = Mapping[str, Mapping[str, Any]]
_NEEDED, _KNOWN = ('config', 'head'), ('config', 'head', 'scale', 'sha256')


class JointLoss(Objective):
    r"""Raise K losses of an image together, such as those of several heads of one encoder.

    Outputs (B, K) are losses of at least 0, each in a unit of its own in which 1 is much. ``'relative'`` maximises at
    each step t the mean relative change of Zhang et al., *Attacking All Tasks at Once Using Adversarial Examples in
    Multi-Task Learning* (Dynamic Gradient Balancing, arXiv 2305.12066),

    .. math::
        \frac{1}{K} \sum_k \frac{L_k(x_{t+1})}{L_k(x_t)}, \quad\text{whose gradient at}\ x_{t+1} = x_t\ \text{is}\quad
        \frac{1}{K} \sum_k \frac{\nabla L_k}{L_k} = \nabla \frac{1}{K} \sum_k \log L_k,

    so that the loss to raise is the mean logarithm: the farther a loss has risen, the less it weighs, and none is left
    behind. 1e-3 is added to each loss, below which there is nothing to tell apart. ``'sum'`` maximises their mean,
    which whatever rises most easily may rule.

    Score: minus what is maximised, so that of two iterates the one is worse that has more of all losses and not of one
    alone. Success: every loss is above 1. No targets.

    Args:
        balance: ``'relative'`` or ``'sum'``.
        heads: Name -> ``config`` of a task, ``head``, path or URL of its weights, and ``scale``, the distance of
            predictions that counts as 1: whose losses a victim is to hand over, each a distance from the head's own
            prediction for the clean image. None for those that ship with the encoder. In plain PyTorch the model
            returns losses, and this is not read.

    Raises:
        UserError: If the balance is unknown, or a head says too little or too much.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import JointLoss
        >>> losses = torch.tensor([[0.0, 8.0], [3.0, 3.0]])  # of two heads, for two images
        >>> [JointLoss(how)(losses, torch.zeros(2), step=1, steps=20).argmax().item() for how in ('sum', 'relative')]
        [0, 1]
        >>> JointLoss().success(losses, torch.zeros(2))  # are both above 1?
        tensor([False,  True])
    """

    reads = 'embedding'
    needs_random_start = True
    LEAST: ClassVar[float] = 1e-3

    def __init__(self, balance: Balance = 'relative', heads: Heads | None = None) -> None:
        if balance not in get_args(Balance):
            raise UserError(f'unknown balance={balance!r}: use one of {", ".join(get_args(Balance))}')
        self.balance = balance
        self.heads = None if heads is None else _checked(heads)

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Return no targets: losses are all there is."""
        return torch.zeros(len(inputs), device=inputs.device)

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the mean logarithm of the losses (B,), or their mean, the same at every step."""
        if outputs.ndim != 2:
            raise ValueError(f'JointLoss needs losses (B, K), got {tuple(outputs.shape)}')
        losses = outputs.clamp(min=0)  # rounding brings a divergence of nothing below it
        return ((losses + self.LEAST).log() if self.balance == 'relative' else losses).mean(dim=1)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return minus what is maximised."""
        return -self(outputs, targets, 1, 1)

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether every loss is above 1."""
        return (outputs > 1).all(dim=1)


def _checked(heads: Heads) -> dict[str, dict[str, Any]]:
    if not isinstance(heads, Mapping):
        raise UserError(f'heads={heads!r}: give name -> dict(config=..., head=..., scale=...)')
    if not heads:
        raise UserError('heads={} are none: name some, or leave it out for those that ship with the encoder')
    for name, head in heads.items():
        if not isinstance(head, Mapping) or any(not isinstance(head.get(key), str) for key in _NEEDED):
            raise UserError(f'heads.{name}={head!r}: give dict(config=..., head=..., scale=...)')
        unknown = [key for key in head if key not in _KNOWN]
        if unknown:
            raise UserError(f'heads.{name}.{unknown[0]} is unknown: give config, head and scale')
        check_number(head.get('scale', 1.0), f'heads.{name}.scale', above=0)
    return {name: dict(head) for name, head in heads.items()}
