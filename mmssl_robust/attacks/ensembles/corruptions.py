"""Several corruptions, whose mean is told."""

from collections.abc import Sequence

from mmssl_robust.attacks.corruption import Corruption
from mmssl_robust.attacks.objectives import Objective
from mmssl_robust.corruptions import COMMON
from mmssl_robust.utils.errors import UserError

from .base import Ensemble


class Corruptions(Ensemble):
    """The common corruptions, or edits, at one severity.

    Its metrics are means over the corruptions, not the worst for each image: nobody chooses one. They are not divided
    by those of another model, as the mCE of Hendrycks & Dietterich, *Benchmarking Neural Network Robustness to Common
    Corruptions and Perturbations*, ICLR 2019, is by AlexNet's.

    Args:
        severity: From 1 to 5.
        names: Which, see :class:`.Corruption`; by default all 15.
        objective: See :class:`.Corruption`.
        seed: Likewise.
        active: See :class:`Attack`.

    Raises:
        UserError: If there is no such corruption, or one is named twice.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import Corruptions
        >>> edits = Corruptions(severity=5, names=['lighten', 'darken'])
        >>> image = torch.full((1, 3, 8, 8), 0.4)
        >>> {name: edit(torch.nn.Flatten(), image).adv.mean() for name, edit in edits.members.items()}
        {'lighten': tensor(0.8000), 'darken': tensor(0.2000)}
    """

    kind = 'corruption'
    averages = True

    def __init__(
        self,
        severity: int = 3,
        names: Sequence[str] = COMMON,
        objective: Objective | None = None,
        seed: int = 0,
        active: int | None = None,
    ) -> None:
        if not names or len(set(names)) < len(names):
            raise UserError(f'names={list(names)!r}: name at least one corruption, and each once')
        members = {name: Corruption(name, severity, objective, seed, active) for name in names}
        super().__init__(members, severity=severity, names=tuple(names), active=active)

    @property
    def moves_pixels(self) -> bool:
        """Whether one of them moves pixels away from a dense ground truth."""
        return any(isinstance(member, Corruption) and member.moves_pixels for member in self.members.values())
