"""FAB for what it is made for: the nearest adversarial image."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from mmssl_robust.attack_settings import Kind
from mmssl_robust.attacks.attack import Problem
from mmssl_robust.attacks.best_iterates import BestIterates, NearestIterates
from mmssl_robust.attacks.fab import FAB
from mmssl_robust.attacks.keywords import Settings

if TYPE_CHECKING:
    from typing_extensions import Unpack


class MinimalFAB(FAB):
    """FAB that reports of each image its smallest adversarial perturbation, as :class:`Minimal` does.

    FAB itself reports an adversarial image in the ball, whichever it meets. Classification only.

    Args:
        norm: See :class:`FAB`, as all arguments.
        eps: The largest perturbation that is reported.
        steps: See :class:`FAB`.
        restarts: Likewise.
        **settings: Likewise.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import MinimalFAB
        >>> def net(x):  # which of the three colours is brightest
        ...     return x.mean(dim=(2, 3))
        >>> image = torch.tensor([0.50, 0.46, 0.10]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
        >>> MinimalFAB(norm='l2', eps=1)(net, image, torch.tensor([0])).norm.round(decimals=2)  # sqrt(2 x 64) x 0.02
        tensor([0.2300])
    """

    FIXED = ('stop_at_success',)
    kind: ClassVar[Kind] = 'minimal'

    def __init__(
        self,
        norm: str = 'linf',
        eps: float | str = '32/255',
        steps: int = 15,
        restarts: int = 9,
        **settings: 'Unpack[Settings]',
    ) -> None:
        super().__init__(norm, eps, steps, restarts, stop_at_success=True, **settings)

    def _restarted(self, problem: Problem) -> BestIterates:
        values = problem.oracle.values(problem.inputs, self.objective.aim(problem.targets, 0), self.steps)
        kept = NearestIterates(problem.inputs, values, values.success)
        places = (~values.success).nonzero()[:, 0]
        for restart in range(min(self.restarts, self.objective.aims(problem.targets) or 0) if len(places) else 0):
            part = replace(problem, targets=self.objective.aim(problem.targets, restart)).only(places)
            for adv, found in self._iterates(part, restart):
                kept.offer(places, adv, found, self.threat.size(adv - part.inputs), found.success)
        return kept.as_best()
