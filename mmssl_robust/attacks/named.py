"""The paper's attacks by name: PGD with the objective that makes each of them."""

from typing import TYPE_CHECKING

from mmssl_robust.attacks.objectives import DepthLoss, EmbeddingDirections, EmbeddingDistance, SegPGDLoss
from mmssl_robust.attacks.objectives.base import Tokens
from mmssl_robust.attacks.pgd import PGD, PGDSettings

if TYPE_CHECKING:
    from typing_extensions import Unpack


class EmbedAttack(PGD):
    """Push the encoder's embedding away from the clean one, whatever the task (Sec. 3.1).

    Args:
        tokens: See :class:`EmbeddingDistance`.
        directions: Let restarts from the second on set out in a direction each, see :class:`EmbeddingDirections`; the
            paper's do not.
        **settings: See :class:`PGD`.
    """

    def __init__(self, tokens: Tokens = 'task', directions: bool = False, **settings: 'Unpack[PGDSettings]') -> None:
        super().__init__((EmbeddingDirections if directions else EmbeddingDistance)(tokens), **settings)
        self.directions = directions


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

    It climbs the hill, all farther or all nearer, on whose side the model's own mistake lies, and never comes to the
    other: its figure alone shows no robustness. :class:`DepthEnsemble` seeks both.

    Args:
        min_depth: See :class:`DepthLoss`.
        max_depth: See :class:`DepthLoss`.
        **settings: See :class:`PGD`.
    """

    def __init__(
        self, min_depth: float | None = None, max_depth: float | None = None, **settings: 'Unpack[PGDSettings]'
    ) -> None:
        super().__init__(DepthLoss(min_depth, max_depth), **settings)
