"""PGD whose images are to deceive other models than the one that they are made against."""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from mmssl_robust.attacks.attack import Problem
from mmssl_robust.attacks.diverse_view import DiverseView, drawn_places
from mmssl_robust.attacks.objectives.base import Objective, ObjectiveValues
from mmssl_robust.attacks.pgd import PGD, PGDSettings
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_integer, check_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

_SPREAD = 3  # standard deviations from the middle of a kernel to its border, as Dong et al. have it


class TransferSettings(PGDSettings, total=False):
    """All arguments of :class:`TransferPGD` but its objective."""

    diversity: float
    smallest: float
    kernel: int


class TransferPGD(PGD):
    """PGD with what makes its images transfer: momentum, diverse inputs, gradients of shifted images.

    With ``momentum=1`` alone it is MI-FGSM (Dong et al., *Boosting Adversarial Attacks with Momentum*, CVPR 2018). With
    ``diversity`` each gradient is that of the image shrunk at random (DI: Xie et al., *Improving Transferability of
    Adversarial Examples with Input Diversity*, CVPR 2019). With ``kernel`` it is convolved with a Gaussian, which
    stands for the mean over shifted images (TI: Dong et al., *Evading Defenses to Transferable Adversarial Examples by
    Translation-Invariant Attacks*, CVPR 2019), before momentum is added. Without all three it is :class:`PGD`.

    What an image is shrunk to follows from seed, key, restart and step.

    Args:
        objective: See :class:`PGD`.
        diversity: Probability with which an image is shrunk at a step.
        smallest: Least share of its side to which it is shrunk.
        kernel: Side of the Gaussian kernel in pixels, an odd number; 1 for none.
        **settings: See :class:`PGD`. Where ``keep`` is not ``'last'``, a step with ``diversity`` costs a forward more,
            by which the iterate is judged as it is.

    Raises:
        UserError: If an argument is out of range.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import EmbeddingDistance, TransferPGD
        >>> surrogate, model = (lambda x: x.mean(dim=(2, 3))), (lambda x: x[:, :, ::2, ::2].flatten(1))
        >>> image = torch.full((1, 3, 8, 8), 0.5)
        >>> attack = TransferPGD(EmbeddingDistance(), momentum=1.0, diversity=0.5, kernel=3, eps='8/255')
        >>> result = attack(surrogate, image)
        >>> (255 * (model(result.adv) - model(image))).abs().round().unique()  # of a model that it has never seen
        tensor([8.])
    """

    def __init__(
        self,
        objective: Objective,
        diversity: float = 0.0,
        smallest: float = 0.9,
        kernel: int = 1,
        **settings: 'Unpack[PGDSettings]',
    ) -> None:
        super().__init__(objective, **settings)
        self.diversity = check_number(diversity, 'diversity', least=0, most=1)
        self.smallest = check_number(smallest, 'smallest', above=0, most=1)
        self.kernel = check_integer(kernel, 'kernel', 1)
        if self.kernel % 2 == 0:
            raise UserError(f'kernel={kernel} has no middle: give an odd number')

    @property
    def passes(self) -> int:
        """How often an image goes through the model, forward or back, at most."""
        judged = self.steps if self.diversity and self.keep != 'last' else 0
        return super().passes + self.eot_samples * self.restarts * judged

    def _gradient(self, problem: Problem, adv: Tensor, restart: int, step: int) -> tuple[Tensor, ObjectiveValues]:
        oracle = problem.oracle
        if self.diversity:
            draw = (self.seed, restart, step)
            places = drawn_places(adv.shape[-2:], problem.keys, draw, self.diversity, self.smallest)
            oracle = oracle.through(lambda forward: DiverseView(forward, places))
        grad, values = oracle.gradient(adv, problem.targets, step, self.steps, problem.mask)
        if self.diversity and self.keep != 'last':
            values = problem.oracle.values(adv, problem.targets, max(self.steps, 1))
        if self.kernel > 1:
            grad = smoothed(grad, self.kernel)
            grad = grad if problem.mask is None else grad * problem.mask
        return grad, values


def smoothed(grad: Tensor, side: int) -> Tensor:
    """Return a gradient (B, C, H, W) convolved with a Gaussian kernel of a side; beyond the border it is 0."""
    line = torch.linspace(-_SPREAD, _SPREAD, side, dtype=torch.float64).square().div(-2).exp()
    kernel = torch.outer(line, line)
    weight = (kernel / kernel.sum()).to(grad).expand(grad.shape[1], 1, side, side)
    return F.conv2d(grad, weight, padding=side // 2, groups=grad.shape[1])
