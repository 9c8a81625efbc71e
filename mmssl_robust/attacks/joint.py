"""One perturbation against all tasks at once."""

from typing import TYPE_CHECKING, ClassVar

from mmssl_robust.attack_settings import Kind
from mmssl_robust.attacks.objectives.joint import Balance, Heads, JointLoss
from mmssl_robust.attacks.pgd import PGD, PGDSettings

if TYPE_CHECKING:
    from typing_extensions import Unpack


class JointAttack(PGD):
    """Push what several heads of one encoder say away from what they say of the clean image, by one perturbation.

    It knows no label, and reads the encoder alone, whatever head the model at hand has.

    Args:
        heads: See :class:`JointLoss`, as ``balance``.
        balance: Likewise.
        **settings: See :class:`PGD`.
    """

    kind: ClassVar[Kind] = 'joint'

    def __init__(
        self, heads: Heads | None = None, balance: Balance = 'relative', **settings: 'Unpack[PGDSettings]'
    ) -> None:
        super().__init__(JointLoss(balance, heads), **settings)
