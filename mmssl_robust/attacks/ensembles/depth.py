"""The ensemble for depth."""

from mmssl_robust.attacks.apgd import APGD
from mmssl_robust.attacks.keywords import StartSettings
from mmssl_robust.attacks.objectives import DepthAbsRel, DepthLoss, DepthRMSE, SignedDepthError

from .base import Ensemble


class DepthEnsemble(Ensemble):
    """APGD from both sides of the truth, on three errors, and from the best of these on; per image the highest RMSE.

    An error in depth has two hills, all pixels farther and all nearer, and its gradient leads to that on whose side the
    model's own mistake lies, which may be much the lower one. ``'far'`` and ``'near'`` seek one hill each. The errors
    weigh pixels differently: the squared one follows the far pixels, the relative one the near ones, the paper's loss
    is blind to a scale in part and smooth in the logarithm. ``'finish'`` climbs the squared error from each image's
    worst iterate of them all.

    Args:
        norm: ``'linf'``, ``'l2'`` or ``'l1'``.
        eps: Radius of the ball, see :class:`Attack`.
        steps: Of each of the six.
        restarts: Likewise.
        min_depth: See :class:`DepthObjective`.
        max_depth: Likewise.
        seed: Of all six.
        eot_samples: See :class:`Attack`.
        active: Likewise.

    Raises:
        UserError: If an argument is out of range.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import DepthEnsemble, DepthPGD
        >>> def net(x):  # the brighter, the farther: 5 m for white
        ...     return 5 * x.mean(dim=1, keepdim=True)
        >>> image, truth = torch.full((1, 3, 8, 8), 0.5), torch.full((1, 1, 8, 8), 2.4)
        >>> DepthEnsemble(eps=0.04, steps=10)(net, image, truth).score  # 2.5 + 0.2 against 2.4 m
        tensor([-0.3000])
    """

    def __init__(
        self,
        norm: str = 'linf',
        eps: float | str = '8/255',
        steps: int = 100,
        restarts: int = 1,
        min_depth: float | None = None,
        max_depth: float | None = None,
        seed: int = 0,
        eot_samples: int = 1,
        active: int | None = None,
    ) -> None:
        objectives = {
            'depth-loss': DepthLoss(min_depth, max_depth),
            'rmse': DepthRMSE(min_depth, max_depth),
            'abs-rel': DepthAbsRel(min_depth, max_depth),
            'far': SignedDepthError('far', min_depth, max_depth),
            'near': SignedDepthError('near', min_depth, max_depth),
            'finish': DepthRMSE(min_depth, max_depth),
        }
        shared = StartSettings(restarts=restarts, seed=seed, eot_samples=eot_samples, active=active)
        members = {name: APGD(objective, norm, eps, steps, **shared) for name, objective in objectives.items()}
        super().__init__(
            members, finish=['finish'], steps=steps, restarts=restarts, eot_samples=eot_samples, active=active
        )
