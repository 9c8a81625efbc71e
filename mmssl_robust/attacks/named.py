"""The paper's attacks by name: PGD with the objective that makes each of them."""

from typing import TYPE_CHECKING

from mmssl_robust.attacks.objectives import DepthLoss, EmbeddingDistance, SegPGDLoss
from mmssl_robust.attacks.objectives.base import Tokens
from mmssl_robust.attacks.pgd import PGD, PGDSettings

if TYPE_CHECKING:
    from typing_extensions import Unpack


class EmbedAttack(PGD):
    """Push the encoder's embedding away from the clean one, whatever the task (Sec. 3.1).

    Args:
        tokens: See :class:`EmbeddingDistance`.
        **settings: See :class:`PGD`.
    """

    def __init__(self, tokens: Tokens = 'task', **settings: 'Unpack[PGDSettings]') -> None:
        super().__init__(EmbeddingDistance(tokens), **settings)


class SegPGD(PGD):
    """PGD on segmentation, Eq. (1).

    Args:
        ignore_index: See :class:`SegPGDLoss`.
        **settings: See :class:`PGD`.
    """

    def __init__(self, ignore_index: int | None = None, **settings: 'Unpack[PGDSettings]') -> None:
        super().__init__(SegPGDLoss(ignore_index), **settings)


class DepthPGD(PGD):
    """PGD on monocular depth, Eqs. (3) and (4).

    Args:
        min_depth: See :class:`DepthLoss`.
        max_depth: See :class:`DepthLoss`.
        **settings: See :class:`PGD`.
    """

    def __init__(
        self, min_depth: float | None = None, max_depth: float | None = None, **settings: 'Unpack[PGDSettings]'
    ) -> None:
        super().__init__(DepthLoss(min_depth, max_depth), **settings)
