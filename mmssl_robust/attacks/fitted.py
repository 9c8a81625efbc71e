"""One perturbation at the sizes of all images."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor

from mmssl_robust.attacks.threat_models import Linf, ThreatModel
from mmssl_robust.utils.errors import UserError

Fit = Literal['tile', 'resize']


def check_fit(fit: str) -> None:
    """Refuse a way that is none.

    Raises:
        UserError: If it is unknown.
    """
    if fit not in get_args(Fit):
        raise UserError(f'unknown fit={fit!r}: use one of {", ".join(get_args(Fit))}')


def fitted(delta: Tensor, size: Sequence[int], threat: ThreatModel, fit: Fit) -> Tensor:
    """Return a perturbation at another size, in the ball; differentiable.

    Args:
        delta: (C, h, w).
        size: Height and width wanted; at its own a perturbation in the ball stays as it is.
        threat: The ball. At another size a perturbation of l2 or l1 is brought to the length that it had; entries of
            linf never grow.
        fit: ``'tile'`` repeats it from the top left on, and cuts off what is too much; ``'resize'`` is bilinear.
    """
    if tuple(delta.shape[1:]) == tuple(size):
        return delta
    other = _tiled(delta, size) if fit == 'tile' else _resized(delta, size)
    if isinstance(threat, Linf):
        return other
    before, after = (threat.size(part[None]) for part in (delta, other))
    return threat.project(other[None] * (before / after.clamp(min=1e-12)))[0]


def _tiled(delta: Tensor, size: Sequence[int]) -> Tensor:
    height, width = size
    times = (1, -(-height // delta.shape[1]), -(-width // delta.shape[2]))
    return delta.repeat(times)[:, :height, :width]


def _resized(delta: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(delta[None], tuple(size), mode='bilinear', align_corners=False, antialias=True)[0]
