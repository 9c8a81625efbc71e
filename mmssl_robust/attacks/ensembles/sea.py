"""SEA: the ensemble for semantic segmentation."""

from collections.abc import Sequence
from typing import ClassVar

from mmssl_robust.attacks.apgd import APGD, SEA_STAGES, WHOLE, Stages
from mmssl_robust.attacks.keywords import StartSettings
from mmssl_robust.attacks.objectives import BalancedMaskedCrossEntropy, CosPGDLoss, JensenShannon, MaskedCrossEntropy
from mmssl_robust.attacks.objectives.segmentation import SegmentationObjective
from mmssl_robust.utils.errors import UserError

from .base import Ensemble


class SEA(Ensemble):
    """APGD on several losses, begun in balls of 2 and 1.5 times eps; per image the lowest pixel accuracy.

    The losses fail in different ways: the Jensen-Shannon divergence gives up on pixels that are wrong, masked
    cross-entropy forgets them, the balanced one looks after small classes. These three are the published ensemble. The
    loss of CosPGD is ours to add, because on some models it alone is stronger than the three; in linf it stays in the
    ball of eps, where it was stronger than by way of larger ones (docs/attacks.md). ``members`` leaves it out. For the
    worst mIoU, which is no sum over images, see :func:`mmssl_robust.evaluation.worst_case.worst_of`. From Croce et al.,
    *Towards Reliable Evaluation and Fast Training of Robust Semantic Segmentation Models*, ECCV 2024.

    Args:
        norm: ``'linf'``, ``'l2'`` or ``'l1'``.
        eps: Radius of the ball, see :class:`Attack`.
        steps: Of each member.
        restarts: Likewise.
        ignore_index: Label of pixels that do not count; None for that of the data set.
        seed: Of all members.
        eot_samples: See :class:`Attack`.
        members: Names of those that run, of ``'jensen-shannon'``, ``'masked-ce'``, ``'balanced-ce'`` and ``'cospgd'``.
        active: See :class:`Attack`.

    Raises:
        UserError: If an argument is out of range.
    """

    OBJECTIVES: ClassVar[dict[str, type[SegmentationObjective]]] = {
        'jensen-shannon': JensenShannon,
        'masked-ce': MaskedCrossEntropy,
        'balanced-ce': BalancedMaskedCrossEntropy,
        'cospgd': CosPGDLoss,
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
        shared = StartSettings(restarts=restarts, seed=seed, eot_samples=eot_samples, active=active)
        chosen = {
            name: APGD(self.OBJECTIVES[name](ignore_index), norm, eps, steps, _stages(name, norm), **shared)
            for name in members
        }
        super().__init__(chosen, steps=steps, restarts=restarts, eot_samples=eot_samples, active=active)


def _stages(member: str, norm: str) -> Stages:
    return WHOLE if (member, norm) == ('cospgd', 'linf') else SEA_STAGES
