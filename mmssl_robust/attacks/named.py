"""The paper's attacks by name: PGD with the objective that makes each of them."""

from mmssl_robust.attacks.objectives import EmbeddingDistance, SegPGDLoss
from mmssl_robust.attacks.objectives.embedding import Tokens
from mmssl_robust.attacks.pgd import PGD


class EmbedAttack(PGD):
    """Push the encoder's embedding away from the clean one, whatever the task (Sec. 3.1).

    Args:
        tokens: See :class:`EmbeddingDistance`.
        **settings: See :class:`PGD`.
    """

    def __init__(self, tokens: Tokens = 'task', **settings) -> None:
        super().__init__(EmbeddingDistance(tokens), **settings)


class SegPGD(PGD):
    """PGD on segmentation, Eq. (1).

    Args:
        ignore_index: See :class:`SegPGDLoss`.
        **settings: See :class:`PGD`.
    """

    def __init__(self, ignore_index: int = 255, **settings) -> None:
        super().__init__(SegPGDLoss(ignore_index), **settings)
