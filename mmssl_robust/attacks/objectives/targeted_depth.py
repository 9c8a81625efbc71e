"""Objectives that want one certain wrong depth map."""

import numpy as np
import torch
from torch import Tensor

from mmssl_robust.attacks.upsampled import full
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import parse_number

from .base import Forward, Objective
from .depth import check_shapes

FLIP, SCALE, REMOVE = 'flip', 'scale', 'remove'


class TargetedDepth(Objective):
    """Bring the predicted depth to a map that the attacker wants, made of the prediction for the clean image.

    Minus the mean absolute relative distance to the wanted map, over all pixels that it changes. Score: minus the
    share of these pixels within a factor of 1.25 of it. Success: more than half of them are. The wishes are those of
    Wong et al., *Targeted Adversarial Perturbations for Monocular Depth Prediction*, NeurIPS 2020.

    Args:
        target: ``'scale:1.1'`` for everything farther by a factor (below 1: nearer), ``'flip'`` for near and far in
            exchange, ``'remove'`` for an object that vanishes: pass its mask (B, 1, H, W), nonzero on the object, as
            targets; it is to look as deep as what lies left and right of it. For the other two no targets are read.
        max_depth: Depth in metres that no wanted map exceeds; None for that of the data set, 10 where none says.
        min_depth: Likewise below which none goes, 0.001.

    Raises:
        UserError: If the target is none of these.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import PGD, TargetedDepth
        >>> def net(x):  # the brighter, the farther: 5 m for white
        ...     return 5 * x.mean(dim=1, keepdim=True)
        >>> image = torch.full((1, 3, 8, 8), 0.2)  # 1 m
        >>> result = PGD(TargetedDepth('scale:1.1'), eps=0.02, step_size=0.002)(net, image)
        >>> net(result.adv).mean().round(decimals=2)
        tensor(1.1000)
    """

    min_depth: float
    max_depth: float

    def __init__(self, target: str = FLIP, max_depth: float | None = None, min_depth: float | None = None) -> None:
        self.target = str(target)
        kind, _, factor = self.target.partition(':')
        if kind not in (FLIP, SCALE, REMOVE) or (kind == SCALE) != bool(factor):
            raise UserError(f"target={target!r}: use 'flip', 'remove', or a factor such as 'scale:1.1'")
        self.kind = kind
        self.factor = parse_number(factor, 'target') if factor else 1.0
        if self.factor <= 0 or (kind == SCALE and self.factor == 1):
            raise UserError(f'target={target!r}: give a factor above 0 that changes something')
        self.keep_thresholds(min_depth=min_depth, max_depth=max_depth)

    def prepare(self, forward: Forward, inputs: Tensor, targets: Tensor | None) -> Tensor:
        """Return the wanted depth (B, 1, H, W), 0 where any depth is welcome."""
        clean = full(forward(inputs))
        if clean.ndim != 4 or clean.shape[1] != 1:
            raise ValueError(f'TargetedDepth needs depth (B, 1, H, W), got {tuple(clean.shape)}')
        if self.kind == SCALE:
            return (self.factor * clean).clamp(self.min_depth, self.max_depth)
        if self.kind == FLIP:
            low, high = (find(clean, dim=(1, 2, 3), keepdim=True) for find in (torch.amin, torch.amax))
            return low + high - clean
        mask = super().prepare(forward, inputs, targets)
        check_shapes(clean, mask)
        return torch.where(mask != 0, _bridged(clean, mask != 0), 0)

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return minus the mean relative distance (B,), the same at every step."""
        check_shapes(outputs, targets)
        wanted = targets > 0
        distance = (outputs - targets).abs() / targets.where(wanted, targets.new_ones(()))
        return -_mean(distance, wanted)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return minus the share of wanted pixels within a factor of 1.25."""
        near = torch.maximum(outputs / targets, targets / outputs) < 1.25
        return -_mean(near.to(outputs.dtype), targets > 0)

    def success(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return whether more than half of the wanted pixels are within a factor of 1.25."""
        return self.score(outputs, targets) < -0.5

    def flat(self, score: Tensor, targets: Tensor) -> Tensor:
        """Return whether any depth is welcome everywhere."""
        return ~(targets > 0).flatten(1).any(dim=1)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    return torch.where(where, values, 0).sum(dim=(1, 2, 3)) / where.sum(dim=(1, 2, 3)).clamp(min=1)


def _bridged(depth: Tensor, mask: Tensor) -> Tensor:
    """Fill masked pixels by a straight line, row by row, from what is left and right of them."""
    filled = depth.detach().cpu().numpy().copy()
    hidden = mask.cpu().numpy()
    columns = np.arange(filled.shape[-1])
    for row, gaps in zip(filled.reshape(-1, len(columns)), hidden.reshape(-1, len(columns))):
        if gaps.any() and not gaps.all():
            row[gaps] = np.interp(columns[gaps], columns[~gaps], row[~gaps])
    return torch.from_numpy(filled).to(depth)
