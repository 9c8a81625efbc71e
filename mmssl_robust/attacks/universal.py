"""One perturbation for all images: adding it, and making it."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from mmssl_robust.attack_settings import written
from mmssl_robust.attacks.active import Iterates
from mmssl_robust.attacks.attack import Attack, Problem, check_images
from mmssl_robust.attacks.fitted import Fit, check_fit, fitted
from mmssl_robust.attacks.objectives.base import Forward, Objective
from mmssl_robust.attacks.oracle import Oracle, QueryCount
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.perturbation_files import PerturbationFile, read_perturbation


class Universal(Attack):
    """Add one perturbation, made beforehand, to every image (Moosavi-Dezfooli et al., CVPR 2017).

    It costs one forward, by which the objective judges. An image of another size is given the perturbation at its size,
    see :func:`.fitted.fitted`; what is made for a larger ball is scaled down.

    Args:
        objective: By what images are judged.
        norm: See :class:`Attack`.
        eps: Likewise; at most that of the file.
        perturbation: Its file, as ``mmssl-robust universal`` writes it; None until one is there.
        sha256: Of the file, by default that which it has; another one is refused.
        fit: How the perturbation gets another size, ``'tile'`` or ``'resize'``.
        seed: Of the start when it is made; not used by the attack itself.
        eot_samples: See :class:`Attack`.
        active: Likewise.

    Raises:
        UserError: If an argument is out of range, or the file is none of a perturbation in the ball.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import EmbeddingDistance, Universal
        >>> from mmssl_robust.utils.perturbation_files import write_perturbation
        >>> sha256 = write_perturbation('red.safetensors', torch.tensor([0.02, 0, 0]).view(3, 1, 1), 'linf', '0.02', {})
        >>> attack = Universal(EmbeddingDistance(), eps=0.02, perturbation='red.safetensors', sha256=sha256)
        >>> result = attack(torch.nn.Flatten(), torch.full((2, 3, 8, 8), 0.5))
        >>> result.adv.mean(dim=(2, 3))
        tensor([[0.5200, 0.5000, 0.5000],
                [0.5200, 0.5000, 0.5000]])
    """

    kind = 'universal'

    def __init__(
        self,
        objective: Objective,
        norm: str = 'linf',
        eps: float | str = '8/255',
        perturbation: str | None = None,
        sha256: str | None = None,
        fit: Fit = 'tile',
        seed: int = 0,
        eot_samples: int = 1,
        active: int | None = None,
    ) -> None:
        super().__init__(objective, norm, eps, steps=0, seed=seed, eot_samples=eot_samples, active=active)
        check_fit(fit)
        self.fit = fit
        self.perturbation = perturbation
        self.sha256 = sha256
        self._delta = None if perturbation is None else self._checked(read_perturbation(perturbation), perturbation)

    @property
    def passes(self) -> int:
        """How often an image goes through the model."""
        return self.eot_samples

    def told(self, thresholds: Mapping[str, float]) -> Attack:
        """Return the attack with the thresholds of the data that it is to attack.

        Raises:
            UserError: If it has no perturbation, or as :meth:`Attack.told`.
        """
        self._perturbation()
        return super().told(thresholds)

    def _checked(self, found: PerturbationFile, file: str) -> Tensor:
        if self.sha256 not in (None, found.sha256):
            raise UserError(f'{file} has the SHA-256 {found.sha256}, not {self.sha256}: it is another perturbation')
        self.sha256 = found.sha256
        if found.norm != self.norm or self.eps > found.eps * (1 + 1e-6):
            own, other = (written(eps, norm) for norm, eps in ((self.norm, self.eps), (found.norm, found.eps)))
            raise UserError(
                f'{file} is for {found.norm} and eps {other}, not for {self.norm} and eps {own}: '
                f'add --norm {found.norm} --eps {other}'
            )
        ball = type(self.threat)(found.eps)
        size = float(ball.size(found.delta[None]))
        if size > found.eps + ball.slack * max(1, found.eps):
            raise UserError(f'{file} holds a perturbation of size {size:.6g}, outside its ball of {found.eps:.6g}')
        return self.threat.project(found.delta[None] * (self.eps / found.eps if found.eps else 0))[0]

    def _perturbation(self) -> Tensor:
        if self._delta is None:
            raise UserError(
                'it needs the file of a perturbation, --perturbation FILE: make one by '
                '`mmssl-robust universal CONFIG CHECKPOINT --out FILE`'
            )
        return self._delta

    def _iterates(self, problem: Problem, restart: int) -> Iterates:
        adv = shown(self._perturbation(), problem.inputs, problem.mask, self)
        yield adv, problem.oracle.values(adv, problem.targets, 1)


class UniversalAscent:
    """One perturbation that grows by steepest ascent on the losses of batches of images.

    Each step goes along the sum of the images' gradients, each divided by its mean magnitude so that none outweighs the
    others, and back to the ball. After Shafahi et al., *Universal Adversarial Training*, AAAI 2020, who clip each
    loss to the same end; with the distance of embeddings it knows no task (downstream-agnostic, as in Zhou et al.,
    *Downstream-agnostic Adversarial Examples*, ICCV 2023).

    Args:
        attack: Its objective is raised, its norm, eps, seed and fit are taken.
        size: Channels, height and width of the perturbation. It starts at a random point of the ball's border.

    Attributes:
        delta: (C, H, W), the perturbation so far.
    """

    def __init__(self, attack: Universal, size: Sequence[int]) -> None:
        self.attack = attack
        noise = np.random.default_rng((attack.seed, 0)).standard_normal(tuple(size))
        start = attack.threat.ascent(torch.from_numpy(noise)[None], attack.eps)
        self.delta = attack.threat.project(start)[0].float()

    def step(
        self,
        forward: Forward,
        inputs: Tensor,
        targets: Tensor | None,
        keys: Sequence[int],
        mask: Tensor | None,
        step_size: float,
    ) -> float:
        """Take a step on a batch, and return the images' mean loss before it.

        Args:
            forward: See :meth:`Attack.__call__`, as are the next four.
            inputs: Images (B, C, H, W).
            targets: Ground truth.
            keys: Names of the images, for error messages.
            mask: (B, 1, H, W), nonzero where pixels may change; None for everywhere.
            step_size: Length of the step in the norm.
        """
        attack = self.attack
        inputs, mask = check_images(inputs, keys, mask)
        self.delta = self.delta.to(inputs)
        oracle = Oracle(forward, attack.objective, keys, QueryCount(len(inputs), inputs.device), attack.eot_samples)
        with torch.no_grad():
            targets = attack.objective.aim(attack.objective.prepare(oracle.forward, inputs, targets), 0)
        adv = shown(self.delta, inputs, mask, attack)
        with torch.enable_grad():
            grad, values = oracle.gradient(adv, targets, 1, 1, mask)
            scale = grad.abs().mean(dim=(1, 2, 3), keepdim=True)
            total = torch.where(scale == 0, grad, grad / scale).sum(dim=0)
            leaf = self.delta.requires_grad_()
            (own,) = torch.autograd.grad(fitted(leaf, inputs.shape[-2:], attack.threat, attack.fit), leaf, total)
        ascent = attack.threat.ascent(own[None], step_size)
        self.delta = attack.threat.project(self.delta.detach()[None] + ascent)[0]
        return float(values.final_loss.mean())


def shown(delta: Tensor, inputs: Tensor, mask: Tensor | None, attack: Universal) -> Tensor:
    """Return images (B, C, H, W) with a perturbation (C, h, w), in the ball and in [0, 1]."""
    own = fitted(delta.to(inputs), inputs.shape[-2:], attack.threat, attack.fit).expand_as(inputs)
    return attack.threat.nearest(inputs, inputs + (own if mask is None else own * mask))
