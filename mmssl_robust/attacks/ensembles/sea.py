"""SEA: the ensemble for semantic segmentation."""

from collections.abc import Sequence
from typing import ClassVar

from mmssl_robust.attacks.apgd import APGD, SEA_STAGES, WHOLE, Stages
from mmssl_robust.attacks.attack import Attack
from mmssl_robust.attacks.keywords import StartSettings
from mmssl_robust.attacks.objectives import (
    BalancedMaskedCrossEntropy,
    CosPGDLoss,
    JensenShannon,
    MaskedCrossEntropy,
    SegPGDLoss,
)
from mmssl_robust.attacks.objectives.segmentation import SegmentationObjective
from mmssl_robust.attacks.pgd import PGD
from mmssl_robust.utils.errors import UserError

from .base import Ensemble

FINISH = 'finish'


class SEA(Ensemble):
    """APGD on several losses, begun in balls of 2 and 1.5 times eps; per image the lowest pixel accuracy.

    The losses fail in different ways: the Jensen-Shannon divergence gives up on pixels that are wrong, masked
    cross-entropy forgets them, the balanced one looks after small classes. These three are the published ensemble. The
    losses of CosPGD and SegPGD are ours to add, because on some models one of them alone is stronger than the three,
    and ``'finish'``, which goes on by CosPGD's from each image's worst iterate of them all. In linf these three take
    the steps of PGD, eps / 4 long: the weights of their losses follow the prediction, so that a loss need not rise
    while pixels fall, and APGD shortens its steps too soon (docs/attacks.md). For the worst mIoU, which is no sum over
    images, see :func:`mmssl_robust.tasks.worst_of`. From Croce et al., *Towards Reliable Evaluation and
    Fast Training of Robust Semantic Segmentation Models*, ECCV 2024.

    Args:
        norm: ``'linf'``, ``'l2'`` or ``'l1'``.
        eps: Radius of the ball, see :class:`Attack`.
        steps: Of each member.
        restarts: Likewise.
        ignore_index: Label of pixels that do not count; None for that of the data set.
        seed: Of all members.
        eot_samples: See :class:`Attack`.
        members: Names of those that run, of ``'jensen-shannon'``, ``'masked-ce'``, ``'balanced-ce'``, ``'cospgd'``,
            ``'segpgd'`` and ``'finish'``, which needs another before it.
        active: See :class:`Attack`.

    Raises:
        UserError: If an argument is out of range.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import SEA
        >>> def net(x):  # class 1 wherever a pixel is brighter than 0.5
        ...     bright = x.mean(dim=1)
        ...     return torch.stack([1 - bright, bright], dim=1)
        >>> image = torch.full((1, 3, 8, 8), 0.6)
        >>> image[..., :2] = 0.52  # a quarter of the pixels can be darkened below 0.5
        >>> SEA(eps='8/255', steps=4)(net, image, torch.ones(1, 8, 8, dtype=torch.long)).score
        tensor([0.7500])
    """

    OBJECTIVES: ClassVar[dict[str, type[SegmentationObjective]]] = {
        'jensen-shannon': JensenShannon,
        'masked-ce': MaskedCrossEntropy,
        'balanced-ce': BalancedMaskedCrossEntropy,
        'cospgd': CosPGDLoss,
        'segpgd': SegPGDLoss,
        FINISH: CosPGDLoss,
    }

    def __init__(
        self,
        norm: str = 'linf',
        eps: float | str = '8/255',
        steps: int = 300,
        restarts: int = 1,
        ignore_index: int | None = None,
        seed: int = 0,
        eot_samples: int = 1,
        members: Sequence[str] = tuple(OBJECTIVES),
        active: int | None = None,
    ) -> None:
        unknown = [name for name in members if name not in self.OBJECTIVES]
        if unknown:
            raise UserError(f'unknown member {unknown[0]!r}: use some of {", ".join(self.OBJECTIVES)}')
        if next(iter(members), None) == FINISH:
            raise UserError("members: 'finish' goes on from what others found: name another before it")
        shared = StartSettings(restarts=restarts, seed=seed, eot_samples=eot_samples, active=active)
        chosen = {
            name: _member(name, self.OBJECTIVES[name](ignore_index), norm, eps, steps, shared) for name in members
        }
        finish = [name for name in members if name == FINISH]
        super().__init__(chosen, finish=finish, steps=steps, restarts=restarts, eot_samples=eot_samples, active=active)


def _member(
    name: str, objective: SegmentationObjective, norm: str, eps: float | str, steps: int, shared: StartSettings
) -> Attack:
    if norm == 'linf' and isinstance(objective, (CosPGDLoss, SegPGDLoss)):
        return PGD(objective, norm, eps, step_size=None, steps=steps, **shared)
    stages: Stages = WHOLE if name == FINISH else SEA_STAGES
    return APGD(objective, norm, eps, steps, stages, **shared)
