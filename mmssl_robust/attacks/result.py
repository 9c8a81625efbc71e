"""What an attack hands back."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


@dataclass(frozen=True)
class AttackResult:
    """Adversarial images and how they came about; B images, all tensors detached.

    Attributes:
        adv: Adversarial images (B, C, H, W) in [0, 1].
        loss: The objective's loss (B,) on ``adv``, of its last step where it changes from step to step.
        success: Whether each image's attack succeeded (B,), as its objective defines it.
        score: The quality the attacker wants low (B,), as the objective defines it.
        zero_grad: Share (B,) of exactly-zero entries in the input gradient over the pixels that may
            change, mean over all steps; 0 if there was no step. A large share is a broken or masked
            gradient, and the attack weaker than it looks.
        norm: Size (B,) of each perturbation in the threat model's norm.
        restart: Number (B,) of the restart that ``adv`` is from, counted from 0.
        forwards: How often each image went through the model (B,).
        backwards: How often a gradient came back (B,).
        member: Of an ensemble, the name of the attack that each image's result is from; else None.
        region: Where all pixels were the attacker's (B, 1, H, W), bool, so that predictions there say nothing; None for
            nowhere.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import PGD, CrossEntropy
        >>> def net(x):  # class 1 where the image is brighter than 0.5
        ...     return torch.stack([torch.full((len(x),), 0.5), x.mean(dim=(1, 2, 3))], dim=1)
        >>> images = torch.tensor([0.52, 0.6]).view(2, 1, 1, 1).expand(2, 3, 8, 8)
        >>> result = PGD(CrossEntropy(), eps='8/255')(net, images, torch.tensor([1, 1]))
        >>> result.success, (255 * result.norm).round()
        (tensor([ True, False]), tensor([8., 8.]))
        >>> result.forwards, result.backwards  # 20 steps, and a look at the last iterate
        (tensor([21, 21]), tensor([20, 20]))
    """

    adv: Tensor
    loss: Tensor
    success: Tensor
    score: Tensor
    zero_grad: Tensor
    norm: Tensor
    restart: Tensor
    forwards: Tensor
    backwards: Tensor
    member: list[str] | None = None
    region: Tensor | None = None


class Perturbation(NamedTuple):
    """Adversarial images for training, which nobody has judged.

    Attributes:
        adv: The last iterate (B, C, H, W) in [0, 1].
        zero_grad: As in :class:`AttackResult`.
        forwards: How often each image went through the model.
        backwards: How often a gradient came back.

    Examples:
        >>> import torch
        >>> from mmssl_robust.attacks import EmbedAttack
        >>> encoder, images = torch.nn.Flatten(), torch.full((2, 3, 8, 8), 0.5)
        >>> found = EmbedAttack(eps='4/255', step_size='1/255', steps=5).perturb(encoder, images, visit=3)
        >>> found.adv.shape, found.forwards, found.backwards  # one forward besides: the clean embedding
        (torch.Size([2, 3, 8, 8]), 6, 5)
    """

    adv: Tensor
    zero_grad: Tensor
    forwards: int
    backwards: int
