"""Distillation of a large encoder's tokens into a small one, with the teacher beside it."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmssl_robust.functional.tokens import select_tokens
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.numbers import check_number

from .references import WithReferences

KINDS = ('cls', 'patch')


@MODELS.register_module()
class OnlineDistillation(WithReferences):
    """The student regresses the CLS and patch tokens that the teacher gives the same crop.

    Label-free, and for an accelerator: every visit of an image is another crop, of which the teacher makes new tokens
    (:class:`FeatureDistillation` reads tokens that were computed once). Each batch is seen on one of several grids of
    patches, so that the student's tokens are right at the resolutions of dense tasks too. Mixing images with each
    other, for both alike, shows the student more of the teacher's function than the data hold (Beyer et al., Knowledge
    distillation: a good teacher is patient and consistent, CVPR 2022).

    Each channel of the teacher's tokens is standardised over the batch: a loss of 1 is what a constant reaches, and
    ``1 - loss`` the share of variance explained.

    Args:
        backbone: Config of the student, of ``patch_size`` and ``embed_dims``, with ``out_type='featmap_cls'``.
        teacher: Config of the teacher, likewise; all blocks that it returns are learnt.
        grids: Patches along a side, one of them drawn for each batch: both networks see it at their own patch size.
        mix_prob: Share of the batches whose images are mixed in pairs, by a weight that is uniform in [0, 1].
        patch_weight: Weight of the patch tokens' loss beside the CLS token's.
        data_preprocessor: ``mean``, ``std`` and ``to_rgb``; by default of type ``mmpretrain.ClsDataPreprocessor``.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> tiny = dict(img_size=16, patch_size=8, embed_dim=16, depth=1, num_heads=2)
        >>> student = dict(type='mmssl_robust.DINOVisionTransformer', arch=tiny, out_type='featmap_cls')
        >>> teacher = dict(type='mmssl_robust.Encoder', spec='mini', out_type='featmap_cls')
        >>> cfg = dict(type='mmssl_robust.OnlineDistillation', backbone=student, teacher=teacher, grids=[2, 4])
        >>> model = MODELS.build(cfg)
        >>> model.init_weights()
        >>> sorted(model(torch.randn(4, 3, 32, 32)))
        ['loss_cls', 'loss_patch']
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        teacher: dict[str, Any],
        grids: Sequence[int] = (8,),
        mix_prob: float = 0.0,
        patch_weight: float = 1.0,
        data_preprocessor: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.backbone = MODELS.build(backbone)
        self.add_reference('teacher', MODELS.build(teacher))
        width = len(self.teacher.out_indices) * self.teacher.embed_dims
        self.predictors = nn.ModuleDict({kind: nn.Linear(self.backbone.embed_dims, width) for kind in KINDS})
        self.standardise = nn.ModuleDict({kind: nn.BatchNorm1d(width, affine=False) for kind in KINDS})
        self.grids = tuple(grids)
        self.mix_prob = check_number(mix_prob, 'mix_prob', least=0, most=1)
        self.weights = dict(cls=1.0, patch=check_number(patch_weight, 'patch_weight', least=0))

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[BaseDataElement] | None = None,  # noqa: ARG002
        mode: str = 'loss',
    ) -> dict[str, Tensor]:
        """Return the losses.

        Args:
            inputs: Normalised square crops (B, 3, S, S), of about the largest grid's size.
            data_samples: Not read.
            mode: Only ``'loss'``.
        """
        if mode != 'loss':
            raise ValueError(f'OnlineDistillation has no mode {mode!r}: test the exported encoder instead')
        inputs = self._mixed(inputs)
        grid = self.grids[int(torch.randint(len(self.grids), ()))]
        student, teacher = self.backbone, self.teacher
        with torch.no_grad():
            targets = teacher(on_grid(inputs, grid, teacher.patch_size))
        outputs = student(on_grid(inputs, grid, student.patch_size))
        return {f'loss_{kind}': self._loss(kind, outputs, targets) for kind in KINDS}

    def _mixed(self, inputs: Tensor) -> Tensor:
        if torch.rand(()) >= self.mix_prob:
            return inputs
        weight = float(torch.rand(()))
        return weight * inputs + (1 - weight) * inputs.flip(0)

    def _loss(self, kind: str, outputs: Sequence[Any], targets: Sequence[Any]) -> Tensor:
        wanted = torch.cat([select_tokens([block], kind) for block in targets], dim=-1).float().flatten(0, 1)
        found = self.predictors[kind](select_tokens(outputs, kind)).float().flatten(0, 1)
        return self.weights[kind] * F.mse_loss(found, self.standardise[kind](wanted))


def on_grid(images: Tensor, grid: int, patch_size: int) -> Tensor:
    """Resize square images to ``grid`` patches along each side, low-pass filtered where they shrink."""
    side = grid * patch_size
    if images.shape[-1] == side:
        return images
    return F.interpolate(images, size=(side, side), mode='bicubic', antialias=True, align_corners=False)
