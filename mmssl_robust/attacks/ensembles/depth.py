"""The ensemble for depth."""

from mmssl_robust.attacks.apgd import APGD
from mmssl_robust.attacks.keywords import StartSettings
from mmssl_robust.attacks.objectives import DepthAbsRel, DepthLoss, DepthRMSE

from .base import Ensemble


class DepthEnsemble(Ensemble):
    """APGD on the paper's depth loss, the squared error and the relative error; per image the highest RMSE.

    The paper's loss is blind to a scale in part and smooth in the logarithm, the squared error follows the far pixels,
    the relative one the near ones: which one is worst differs from image to image.

    Args:
        norm: ``'linf'``, ``'l2'`` or ``'l1'``.
        eps: Radius of the ball, see :class:`Attack`.
        steps: Of each of the three.
        restarts: Likewise.
        min_depth: See :class:`DepthObjective`.
        max_depth: Likewise.
        seed: Of all three.
        eot_samples: See :class:`Attack`.
        active: Likewise.

    Raises:
        UserError: If an argument is out of range.
    """

    def __init__(
        self,
        norm: str = 'linf',
        eps: float | str = '8/255',
        steps: int = 100,
        restarts: int = 2,
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
        }
        shared = StartSettings(restarts=restarts, seed=seed, eot_samples=eot_samples, active=active)
        members = {name: APGD(objective, norm, eps, steps, **shared) for name, objective in objectives.items()}
        super().__init__(members, steps=steps, restarts=restarts, eot_samples=eot_samples, active=active)
