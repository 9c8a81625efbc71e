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

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import JointAttack
        >>> image = torch.full((1, 3, 8, 8), 0.5)
        >>> def losses(x):  # of two heads, one of which reads red and the other blue
        ...     return (x - image).mean(dim=(2, 3)).abs()[:, ::2]
        >>> result = JointAttack(eps='8/255')(losses, image)
        >>> (255 * losses(result.adv)).round()
        tensor([[8., 8.]])
    """

    kind: ClassVar[Kind] = 'joint'

    def __init__(
        self, heads: Heads | None = None, balance: Balance = 'relative', **settings: 'Unpack[PGDSettings]'
    ) -> None:
        super().__init__(JointLoss(balance, heads), **settings)
