"""Distillation of a large encoder's tokens into a small one."""

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.numbers import check_number


@MODELS.register_module()
class FeatureDistillation(BaseModel):
    """The student regresses the teacher's CLS and patch tokens of the same image.

    Label-free: no class, mask or depth enters. The teacher's tokens come with
    the data (:class:`~mmssl_robust.datasets.TeacherFeatureDataset`), each
    channel standardised, so that a loss of 1 is what a constant reaches and
    ``1 - loss`` is the share of variance explained.

    Args:
        backbone: Student with ``out_type='featmap_cls'``.
        embed_dims: Width of the student's tokens.
        teacher_dims: Width of the teacher's tokens.
        mean: Channel means of the student's input, in 0..255.
        std: Channel standard deviations, in 0..255.
        patch_weight: Weight of the patch tokens' loss beside the CLS token's.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> tiny = dict(img_size=16, patch_size=8, embed_dim=16, depth=1, num_heads=2)
        >>> backbone = dict(type='mmssl_robust.DINOVisionTransformer', arch=tiny, out_type='featmap_cls')
        >>> cfg = dict(type='mmssl_robust.FeatureDistillation', backbone=backbone, embed_dims=16, teacher_dims=384)
        >>> model = MODELS.build(dict(cfg, mean=[127.5] * 3, std=[127.5] * 3))
        >>> images, cls, patches = torch.zeros(4, 3, 16, 16), torch.randn(4, 384), torch.randn(4, 384, 2, 2)
        >>> sorted(model(images, cls, patches))
        ['loss_cls_token', 'loss_patch_tokens']
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        embed_dims: int,
        teacher_dims: int,
        mean: list[float],
        std: list[float],
        patch_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.backbone = MODELS.build(backbone)
        self.cls_predictor = nn.Linear(embed_dims, teacher_dims)
        self.patch_predictor = nn.Conv2d(embed_dims, teacher_dims, 1)
        self.patch_weight = check_number(patch_weight, 'patch_weight', least=0)
        self.register_buffer('mean', torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, inputs: Tensor, cls: Tensor, patches: Tensor, mode: str = 'loss') -> dict[str, Tensor]:
        """Return the losses.

        Args:
            inputs: (B, 3, S, S) uint8 or float in 0..255.
            cls: (B, D) standardised CLS tokens of the teacher.
            patches: (B, D, h, w) standardised patch tokens of the teacher.
            mode: Only ``'loss'``.
        """
        if mode != 'loss':
            raise ValueError(f'FeatureDistillation has no mode {mode!r}: test the exported encoder instead')
        ((featmap, cls_token),) = self.backbone((inputs.float() - self.mean) / self.std)
        return dict(
            loss_cls_token=F.mse_loss(self.cls_predictor(cls_token), cls),
            loss_patch_tokens=self.patch_weight * F.mse_loss(self.patch_predictor(featmap), patches),
        )
