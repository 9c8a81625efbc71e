"""Self-distillation with no labels."""

from copy import deepcopy
from itertools import groupby
from typing import Any

import torch
from mmengine.model import BaseModel, BaseModule
from torch import Tensor

from mmssl_robust.models.losses.dino_loss import DINOLoss
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_integer


class _Network(BaseModule):
    """Encoder and projection head."""

    def __init__(self, backbone: dict[str, Any], head: dict[str, Any]) -> None:
        super().__init__()
        self.backbone = MODELS.build(backbone)
        self.head = MODELS.build(head)

    def forward(self, views: list[Tensor]) -> Tensor:
        """Map V views of (B, 3, H, W), neighbours of one size in one batch, to (V, B, K) logits."""
        batches = [torch.cat(list(group)) for _, group in groupby(views, key=lambda view: view.shape)]
        features = torch.cat([self.backbone(batch)[-1] for batch in batches])
        return self.head(features).unflatten(0, (len(views), -1))


@MODELS.register_module()
class DINO(BaseModel):
    """DINO (Caron et al., 2021, "Emerging properties in self-supervised vision transformers").

    The student sees all views of an image, the teacher the global ones; the
    student learns to predict the teacher's output for every other view. The
    teacher is a moving average of the student. Temperature, moving average and
    the frozen last layer follow :class:`~mmssl_robust.engine.DINOHook`,
    which must stand in ``custom_hooks``.

    In a checkpoint the encoders lie under ``student.backbone.`` and
    ``teacher.backbone.``; the teacher's is the one to use.

    Args:
        backbone: Encoder whose last output is (B, D), e.g. with
            ``out_type='cls_token'``. Stochastic depth acts in the student alone.
        head: :class:`DINOHead`.
        global_views: Number of leading views that the teacher sees.
        student_temp: Temperature of the student's softmax.
        centre_momentum: Share of the old centre that an update keeps.
        data_preprocessor: Data preprocessor that takes lists of views.

    Examples:
        >>> import torch
        >>> from mmssl_robust.registry import MODELS
        >>> tiny = dict(img_size=16, patch_size=8, embed_dim=16, depth=1, num_heads=2)
        >>> backbone = dict(type='mmssl_robust.DINOVisionTransformer', arch=tiny)
        >>> head = dict(type='mmssl_robust.DINOHead', in_dim=16, out_dim=32, hidden_dim=16, bottleneck_dim=8)
        >>> model = MODELS.build(dict(type='mmssl_robust.DINO', backbone=backbone, head=head))
        >>> model.teacher_temp = 0.04  # which DINOHook sets in a training
        >>> views = [torch.randn(4, 3, side, side) for side in (16, 16, 8)]  # two global ones, one local, of 4 images
        >>> sorted(model(views))
        ['loss', 'teacher_entropy']
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        head: dict[str, Any],
        global_views: int = 2,
        student_temp: float = 0.1,
        centre_momentum: float = 0.9,
        data_preprocessor: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.student = _Network(backbone, head)
        self.teacher = deepcopy(self.student).requires_grad_(False).eval()
        self.criterion = DINOLoss(self.student.head.out_dim, student_temp, centre_momentum)
        self.global_views = check_integer(global_views, 'global_views', 1)
        self.teacher_temp: float | None = None

    def init_weights(self) -> None:
        """Initialise the student and start the teacher from it."""
        super().init_weights()
        self.teacher.load_state_dict(self.student.state_dict())

    def train(self, mode: bool = True) -> 'DINO':
        """Set the mode; the teacher stays in eval mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, inputs: list[Tensor], data_samples: Any = None, mode: str = 'loss') -> dict[str, Tensor]:
        """Return the loss, and the teacher's entropy to watch.

        Collapse shows as an entropy of 0 or log K, or equal to the loss.

        Args:
            inputs: Normalised views (B, 3, H, W), the global ones first.
            data_samples: Not used.
            mode: Only ``'loss'``.
        """
        if mode != 'loss':
            raise ValueError(f'DINO has no mode {mode!r}: test the encoder of its checkpoint instead')
        if self.teacher_temp is None:
            raise UserError("DINO has no teacher temperature: add dict(type='mmssl_robust.DINOHook') to custom_hooks")
        with torch.no_grad():
            teacher_logits = self.teacher(inputs[: self.global_views])
        targets = self.criterion.targets(teacher_logits, self.teacher_temp)
        loss = self.criterion(self.student(inputs), targets)
        self.criterion.update_centre(teacher_logits)
        return dict(loss=loss, teacher_entropy=torch.special.entr(targets).sum(-1).mean())

    @torch.no_grad()
    def update_teacher(self, momentum: float) -> None:
        """Move the teacher's parameters towards the student's; buffers are copied.

        Args:
            momentum: Share of the old teacher that is kept, in [0, 1].
        """
        for teacher, student in zip(self.teacher.parameters(), self.student.parameters()):
            teacher.lerp_(student, 1 - momentum)
        for teacher, student in zip(self.teacher.buffers(), self.student.buffers()):
            teacher.copy_(student)
