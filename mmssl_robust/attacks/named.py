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

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import EmbedAttack
        >>> def encoder(x):  # the mean colour
        ...     return x.mean(dim=(2, 3))
        >>> image = torch.full((1, 3, 8, 8), 0.5)
        >>> result = EmbedAttack(eps='8/255')(encoder, image)
        >>> (255 * (encoder(result.adv) - encoder(image))).abs().round()  # every colour as far as it goes
        tensor([[8., 8., 8.]])
    """

    def __init__(self, tokens: Tokens = 'task', directions: bool = False, **settings: 'Unpack[PGDSettings]') -> None:
        super().__init__((EmbeddingDirections if directions else EmbeddingDistance)(tokens), **settings)
        self.directions = directions


class SegPGD(PGD):
    """PGD on segmentation, Eq. (1).

    Args:
        ignore_index: See :class:`SegPGDLoss`.
        **settings: See :class:`PGD`.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import SegPGD
        >>> def net(x):  # class 1 wherever a pixel is brighter than 0.5
        ...     bright = x.mean(dim=1)
        ...     return torch.stack([1 - bright, bright], dim=1)
        >>> image = torch.full((1, 3, 8, 8), 0.6)
        >>> image[..., :2] = 0.52  # a quarter of the pixels can be darkened below 0.5
        >>> SegPGD(eps='8/255')(net, image, torch.ones(1, 8, 8, dtype=torch.long)).score
        tensor([0.7500])
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

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import DepthPGD
        >>> def net(x):  # the brighter, the farther: 5 m for white
        ...     return 5 * x.mean(dim=1, keepdim=True)
        >>> image, truth = torch.full((1, 3, 8, 8), 0.5), torch.full((1, 1, 8, 8), 2.4)
        >>> result = DepthPGD(eps=0.04, step_size=0.01)(net, image, truth)
        >>> -result.score > 0.2  # the RMSE in metres, which was 0.1
        tensor([True])
    """

    def __init__(
        self, min_depth: float | None = None, max_depth: float | None = None, **settings: 'Unpack[PGDSettings]'
    ) -> None:
        super().__init__(DepthLoss(min_depth, max_depth), **settings)
