"""Decoupled adversarial contrastive learning."""

from typing import Any

from torch import Tensor

from mmssl_robust.models.losses import DeACLLoss
from mmssl_robust.registry import MODELS

from .adversarial_batch import AdversarialBatch
from .adversarial_training import AdversarialTraining
from .adversary import with_attack

# Notes of both public codes: five steps of 2/255 on the student, away from the teacher's clean embedding.
ATTACK = dict(
    type='PGD',
    objective=dict(type='EmbeddingCosine'),
    norm='linf',
    eps='4/255',
    step_size='2/255',
    steps=5,
)


@MODELS.register_module()
class DeACL(AdversarialTraining):
    """DeACL (Zhang et al., ECCV 2022), Eq. (2) of the paper.

    The student learns to keep the teacher's embedding on clean images and its own on adversarial ones.

    Args:
        backbone: See :class:`AdversarialTraining`, as all arguments that are not named here.
        gamma: Weight of the robustness term.
        **settings: See :class:`AdversarialTraining`; the default attack is the paper's.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> backbone = dict(type='mmssl_robust.Encoder', spec='mini', frozen=False)
        >>> images = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
        >>> model = MODELS.build(dict(type='mmssl_robust.DeACL', backbone=backbone, data_preprocessor=images))
        >>> model.init_weights()
        >>> losses = model(torch.rand(1, 3, 32, 32))
        >>> sorted(losses), round(losses['loss_teacher'].item(), 4)  # the student begins as its teacher
        (['loss_adversarial', 'loss_teacher', 'zero_grad'], -1.0)
    """

    of_length_1 = True

    def __init__(self, backbone: dict[str, Any], gamma: float = 2.0, **settings: Any) -> None:
        super().__init__(backbone, **with_attack(settings, ATTACK))
        self.criterion = DeACLLoss(gamma)

    def losses(self, batch: AdversarialBatch) -> dict[str, Tensor]:
        """Return both terms of Eq. (2)."""
        loss_teacher, loss_adversarial = self.criterion(batch.clean, batch.adversarial, batch.teacher)
        return dict(loss_teacher=loss_teacher, loss_adversarial=loss_adversarial)
