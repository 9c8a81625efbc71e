"""One step of training's adversarial images, from noise beyond the ball."""

from torch import Tensor

from mmssl_robust.attacks import PGD, Objective
from mmssl_robust.attacks.active import Iterates
from mmssl_robust.attacks.attack import Problem
from mmssl_robust.attacks.noise import random_start
from mmssl_robust.registry import ATTACKS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_number, parse_number


@ATTACKS.register_module()
class NFGSM(PGD):
    """N-FGSM (de Jorge et al., *Make some noise*, NeurIPS 2022).

    One step of length eps from noise that is uniform in a ball ``noise`` times as large. What comes of it is clipped to
    [0, 1] but not to the ball, which is what keeps training on single steps from catastrophic overfitting: it makes
    images for training alone.

    Args:
        objective: What to maximise.
        norm: See :class:`~mmssl_robust.attacks.Attack`.
        eps: Length of the step.
        noise: Radius of the noise as a multiple of eps.
        seed: See :class:`~mmssl_robust.attacks.Attack`.

    Raises:
        UserError: If an argument is out of range.
    """

    def __init__(
        self,
        objective: Objective,
        norm: str = 'linf',
        eps: float | str = '8/255',
        noise: float = 2.0,
        seed: int = 0,
    ) -> None:
        super().__init__(objective, norm, eps, step_size=parse_number(eps, 'eps') or 1, steps=1, keep='last', seed=seed)
        self.noise = check_number(noise, 'noise', above=0)

    def _iterates(self, problem: Problem, restart: int) -> Iterates:
        raise UserError('NFGSM leaves the ball of eps, to make images for training: attack with PGD or FGSM')

    def _start(self, problem: Problem, restart: int) -> Tensor:
        threat = self.threat.scaled(self.noise)
        noise = random_start(threat, problem.inputs, problem.keys, self.seed, restart, problem.mask)
        return (problem.inputs + noise).clamp(0, 1)

    def _step(self, inputs: Tensor, adv: Tensor, grad: Tensor, past: Tensor | None) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        return (adv + self.threat.ascent(grad, self.step_size)).clamp(0, 1), grad
