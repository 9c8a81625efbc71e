"""SEA: the ensemble for semantic segmentation."""

from mmssl_robust.attacks.apgd import APGD, SEA_STAGES
from mmssl_robust.attacks.objectives import BalancedMaskedCrossEntropy, JensenShannon, MaskedCrossEntropy

from .base import Ensemble


class SEA(Ensemble):
    """APGD on three losses, each in balls of 2, 1.5 and 1 times eps; per image the lowest pixel accuracy.

    The losses fail in different ways: the Jensen-Shannon divergence gives up on pixels that are wrong, masked
    cross-entropy forgets them, the balanced one looks after small classes. For the worst mIoU, which is no sum over
    images, see :func:`mmssl_robust.evaluation.worst_case.worst_of`. From Croce et al., *Towards Reliable Evaluation and
    Fast Training of Robust Semantic Segmentation Models*, ECCV 2024.

    Args:
        norm: ``'linf'``, ``'l2'`` or ``'l1'``.
        eps: Radius of the ball, see :class:`Attack`.
        steps: Of each of the three.
        restarts: Likewise.
        ignore_index: Label of pixels that do not count.
        seed: Of all three.
        samples: See :class:`Attack`.

    Raises:
        UserError: If an argument is out of range.
    """

    def __init__(
        self,
        norm: str = 'linf',
        eps: float | str = '8/255',
        steps: int = 300,
        restarts: int = 1,
        ignore_index: int = 255,
        seed: int = 0,
        samples: int = 1,
    ) -> None:
        objectives = {
            'jensen-shannon': JensenShannon(ignore_index),
            'masked-ce': MaskedCrossEntropy(ignore_index),
            'balanced-ce': BalancedMaskedCrossEntropy(ignore_index),
        }
        shared = dict(norm=norm, eps=eps, steps=steps, restarts=restarts, seed=seed, samples=samples)
        super().__init__({name: APGD(objective, stages=SEA_STAGES, **shared) for name, objective in objectives.items()})
