"""AutoAttack: the standard by which robust classifiers are compared."""

from collections.abc import Sequence
from typing import Any

from mmssl_robust.attacks.apgd import APGD, L1_STAGES, WHOLE
from mmssl_robust.attacks.fab import FAB
from mmssl_robust.attacks.keywords import StopSettings
from mmssl_robust.attacks.objectives import CrossEntropy, Margin, TargetedDLR
from mmssl_robust.attacks.square import Square
from mmssl_robust.utils.errors import UserError

from .base import Ensemble


class AutoAttack(Ensemble):
    """The standard version: APGD on cross-entropy, APGD and FAB on the nine most likely wrong classes, Square.

    Each attacks only what is still classified right; what is wrong without an attack is not touched. Robust accuracy
    is the share of images that withstand all. From Croce & Hein, *Reliable evaluation of adversarial robustness with
    an ensemble of diverse parameter-free attacks*, ICML 2020; for l1, where APGD begins in larger balls and steps
    change few entries, from Croce & Hein, *Mind the box*, ICML 2021. Any number of classes from two on will do.

    Args:
        norm: ``'linf'``, ``'l2'`` or ``'l1'``.
        eps: Radius of the ball, see :class:`Attack`.
        steps: Of APGD and FAB, for each class.
        queries: Of Square.
        targets: How many wrong classes the targeted attacks take, at most all.
        seed: Of all members.
        members: Names of those that run, of ``'apgd-ce'``, ``'apgd-t'``, ``'fab-t'`` and ``'square'``.
        eot_samples: See :class:`Attack`.
        active: Likewise.
        restarts: Of ``'apgd-ce'`` and ``'square'``; the other two have one for each of ``targets``.

    Raises:
        UserError: If an argument is out of range.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import AutoAttack
        >>> def net(x):  # which of the three colours is brightest
        ...     return x.mean(dim=(2, 3))
        >>> colours = torch.tensor([[0.50, 0.55, 0.10], [0.50, 0.46, 0.10], [0.50, 0.30, 0.10]])
        >>> images, labels = colours[:, :, None, None].expand(3, 3, 8, 8), torch.tensor([0, 0, 0])
        >>> result = AutoAttack(eps='8/255', steps=5, queries=10)(net, images, labels)
        >>> result.success, result.member[:2]  # the first is wrong without an attack
        (tensor([ True,  True, False]), ['clean', 'apgd-ce'])
    """

    NAMES = ('apgd-ce', 'apgd-t', 'fab-t', 'square')

    def __init__(
        self,
        norm: str = 'linf',
        eps: float | str = '8/255',
        steps: int = 100,
        queries: int = 5000,
        targets: int = 9,
        seed: int = 0,
        members: Sequence[str] = NAMES,
        eot_samples: int = 1,
        active: int | None = None,
        restarts: int = 1,
    ) -> None:
        unknown = [name for name in members if name not in self.NAMES]
        if unknown:
            raise UserError(f'unknown member {unknown[0]!r}: use some of {", ".join(self.NAMES)}')
        stages = L1_STAGES if norm == 'l1' else WHOLE
        shared = StopSettings(seed=seed, eot_samples=eot_samples, active=active, stop_at_success=True)
        every = {
            'apgd-ce': APGD(CrossEntropy(), norm, eps, steps, stages, restarts=restarts, **shared),
            'apgd-t': APGD(TargetedDLR(), norm, eps, steps, stages, restarts=targets, **shared),
            'fab-t': FAB(norm, eps, steps, restarts=targets, **shared),
            'square': Square(Margin(), norm, eps, queries, restarts=restarts, **shared),
        }
        arguments: dict[str, Any] = dict(steps=steps, queries=queries, targets=targets, restarts=restarts)
        super().__init__(
            {name: every[name] for name in members},
            stop_at_success=True,
            eot_samples=eot_samples,
            active=active,
            **arguments,
        )
