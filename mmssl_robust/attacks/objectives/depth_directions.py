"""All pixels farther, or all nearer: the two hills of the error in depth."""

from typing import Literal, get_args

from torch import Tensor

from mmssl_robust.utils.errors import UserError

from .depth import DepthObjective, check_shapes

Direction = Literal['far', 'near']


class SignedDepthError(DepthObjective):
    """Squared error with the sign of the error: ``(z - d) |z - d|`` of the prediction z and the target d, or minus it.

    It rises wherever a pixel goes the wanted way, on either side of the target, and on the far side of it ``'far'`` is
    the squared error itself. An error without a sign is a valley at the target: its ascent leaves each pixel on the
    side where the model's own mistake has put it, though the hill of that side may be the lower one. Nearer than 0 no
    depth goes, so that the error of the near side is at most the target.

    Everything else as in :class:`DepthObjective`.

    Args:
        direction: ``'far'`` or ``'near'``.
        min_depth: See :class:`DepthObjective`.
        max_depth: Likewise.

    Raises:
        UserError: If the direction is neither, or the depths are out of order.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import SignedDepthError
        >>> truth = torch.full((1, 1, 8, 8), 2.0)
        >>> [SignedDepthError(way)(truth + 3, truth, step=1, steps=20).item() for way in ('far', 'near')]
        [9.0, -9.0]
    """

    def __init__(
        self, direction: Direction = 'far', min_depth: float | None = None, max_depth: float | None = None
    ) -> None:
        super().__init__(min_depth, max_depth)
        if direction not in get_args(Direction):
            raise UserError(f'unknown direction={direction!r}: use one of {", ".join(get_args(Direction))}')
        self.direction = direction

    def __call__(self, outputs: Tensor, targets: Tensor, step: int, steps: int) -> Tensor:
        """Return the mean (B,) in square metres, the same at every step."""
        check_shapes(outputs, targets)
        error = outputs - targets
        farther = self.mean(error * error.abs(), targets)
        return farther if self.direction == 'far' else -farther
