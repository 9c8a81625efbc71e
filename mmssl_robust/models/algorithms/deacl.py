"""Adversarial fine-tuning of an encoder."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from mmengine.dist import broadcast
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmssl_robust.attacks import PGD, Perturbation, eval_mode, frozen
from mmssl_robust.building import build_attack
from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.functional.tokens import select_tokens
from mmssl_robust.models.losses import DeACLLoss
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.state_dict import mismatch

Tokens = Literal['cls', 'patch', 'both']
# Notes of both public codes: five steps of 2/255 on the student, away from the teacher's clean embedding.
ATTACK = dict(
    type='PGD',
    objective=dict(type='EmbeddingCosine'),
    norm='linf',
    eps='4/255',
    step_size='2/255',
    steps=5,
)


@dataclass
class Cost:
    """What went through the networks: images, and image by image every forward and backward."""

    images: int = 0
    forwards: int = 0
    backwards: int = 0


@MODELS.register_module()
class DeACL(BaseModel):
    """Decoupled adversarial contrastive learning (Zhang et al., ECCV 2022), Eq. (2) of the paper.

    A frozen teacher gives each clean image its embedding. The student starts as its copy; it learns to keep the
    teacher's embedding on clean images and its own on adversarial ones, which are made on the student, in eval mode,
    away from the teacher's clean embedding.

    A checkpoint holds the student alone, under ``backbone.``; the teacher is loaded anew from where its ``init_cfg``
    says. Images are attacked in [0, 1], before the data preprocessor's normalisation.

    Args:
        backbone: Config of the student, any backbone. Its ``init_cfg`` names the teacher's weights too.
        tokens: The embedding that is kept and attacked: ``'cls'``, ``'patch'``, or ``'both'``, of which CLS weighs as
            much as all patch tokens together. The backbone must give them: DINO's by ``out_type``.
        gamma: Weight of the robustness term.
        attack: Config of the inner attack, of which the last iterate is taken; the default is the paper's.
        neck: Config of a neck without parameters, such as ``GlobalAveragePooling`` for a convolutional backbone.
        teacher: Config of another teacher, of the same width. A student without an ``init_cfg`` of its own starts
            with its weights.
        loss_scale: Factor on the attack's loss where autocast computes in float16, whose small gradients are zero.
        compile_backbone: Compile the student by ``torch.compile``.
        data_preprocessor: ``mean``, ``std`` and ``to_rgb``; by default of type ``mmpretrain.ClsDataPreprocessor``.

    Attributes:
        epoch: Number of the epoch, set by the training loop: random starts differ from epoch to epoch.
        cost: :class:`Cost` since it was last replaced.

    Raises:
        UserError: If a setting is unknown, or teacher and student do not fit each other.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        tokens: Tokens = 'cls',
        gamma: float = 2.0,
        attack: dict[str, Any] | None = None,
        neck: dict[str, Any] | None = None,
        teacher: dict[str, Any] | None = None,
        loss_scale: float = 4096.0,
        compile_backbone: bool = False,
        data_preprocessor: dict[str, Any] | None = None,
    ) -> None:
        if isinstance(data_preprocessor, Mapping):
            data_preprocessor = dict(type='mmpretrain.ClsDataPreprocessor') | dict(data_preprocessor)
        super().__init__(data_preprocessor=data_preprocessor)
        if tokens not in get_args(Tokens):
            raise UserError(f'unknown tokens={tokens!r}: use one of {", ".join(get_args(Tokens))}')
        self.tokens = tokens
        self.attack: PGD = build_attack(attack or ATTACK)
        if self.attack.objective.reads != 'embedding':
            raise UserError(f'{type(self.attack.objective).__name__} needs a task: DeACL attacks the embedding')
        if self.attack.restarts > 1:
            raise UserError(f'attack.restarts={self.attack.restarts}: in training each image is attacked once')
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck) if neck else nn.Identity()
        if any(True for _ in self.neck.parameters()):
            raise UserError(f'{type(self.neck).__name__} has parameters, which teacher and student would share')
        # In a list: neither a checkpoint nor DistributedDataParallel shall see it.
        self._teacher = [MODELS.build(teacher) if teacher else deepcopy(self.backbone)]
        self.teacher.requires_grad_(False).eval()
        self._own_teacher = teacher is not None
        self.criterion = DeACLLoss(gamma)
        self.loss_scale = loss_scale
        self.epoch = 0
        self.cost = Cost()
        if compile_backbone:
            self.backbone.compile()

    def fingerprint(self) -> str:
        """Hash of the teacher, which decides what is learnt but is in no checkpoint."""
        digest = hashlib.sha256()
        for key, value in sorted(self.teacher.state_dict().items()):
            digest.update(key.encode())
            digest.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()

    @property
    def teacher(self) -> nn.Module:
        """The frozen encoder."""
        return self._teacher[0]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> 'DeACL':
        """Move or cast the teacher with the model."""
        self.teacher._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def init_weights(self) -> None:
        """Load the weights, and make teacher and student equal where only one of them names any."""
        super().init_weights()
        if not self._own_teacher:
            self.teacher.load_state_dict(self.backbone.state_dict())
        else:
            self.teacher.init_weights()
            if not self.backbone.init_cfg:
                _load(self.backbone, self.teacher.state_dict())
        for tensor in self.teacher.state_dict().values():
            broadcast(tensor)  # MMEngine does it for the student

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'loss'
    ) -> dict[str, Tensor]:
        """Return the losses, and the share of exactly-zero gradient entries in the attack.

        Args:
            inputs: Normalised images (B, 3, H, W).
            data_samples: Their ``sample_idx`` keys the noise, so that an image starts from the same in any batch and
                number of processes.
            mode: Only ``'loss'``.

        Raises:
            UserError: If teacher and student differ in width, or the backbone does not give the tokens.
        """
        if mode != 'loss':
            raise ValueError(f'DeACL has no mode {mode!r}: test the encoder of its checkpoint instead')
        space = PixelSpace(self.data_preprocessor, inputs)
        with torch.no_grad():
            target = self._embed(self.teacher, inputs)
        try:
            perturbation = self._perturb(space, inputs, target, data_samples)
            clean = self._embed(self.backbone, inputs)
            adversarial = self._embed(self.backbone, space.to_inputs(perturbation.adv))
            loss_teacher, loss_adversarial = self.criterion(clean, adversarial, target)
        except ValueError as error:
            raise UserError(f'teacher and student do not fit each other: {error}') from error
        self.cost.images += len(inputs)
        self.cost.forwards += len(inputs) * (perturbation.forwards + 3)
        self.cost.backwards += len(inputs) * (perturbation.backwards + 2)
        return dict(
            loss_teacher=loss_teacher, loss_adversarial=loss_adversarial, zero_grad=perturbation.zero_grad.mean()
        )

    def _perturb(
        self, space: PixelSpace, inputs: Tensor, target: Tensor, data_samples: Sequence[BaseDataElement] | None
    ) -> Perturbation:
        keys = None
        if data_samples is not None:
            keys = [int(sample.get('sample_idx', row)) for row, sample in enumerate(data_samples)]
        device = inputs.device.type
        half = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) == torch.float16
        with eval_mode(self.backbone), frozen(self.backbone):
            return self.attack.perturb(
                lambda pixels: self._embed(self.backbone, space.to_inputs(pixels)),
                space.to_pixels(inputs),
                target,
                keys=keys,
                visit=self.epoch,
                loss_scale=self.loss_scale if half else 1.0,
            )

    def _embed(self, backbone: nn.Module, inputs: Tensor) -> Tensor:
        """Tokens (B, N, D) in float32; of both kinds (B, N, 2 D), a patch token beside CLS."""
        features = self.neck(backbone(inputs))
        if self.tokens != 'both':
            return select_tokens(features, self.tokens).float()
        kinds = (select_tokens(features, kind).float() for kind in ('cls', 'patch'))
        # Of length 1, so that the cosine of such pairs is the mean of the two cosines.
        cls_token, patch_tokens = (F.normalize(tokens, dim=-1) for tokens in kinds)
        return torch.cat((cls_token.expand_as(patch_tokens), patch_tokens), dim=-1)


def _load(student: nn.Module, weights: dict[str, Tensor]) -> None:
    problems = mismatch(student.state_dict(), weights)
    if problems:
        raise UserError(f'the student cannot start from this teacher ({problems}): give it an init_cfg of its own')
    student.load_state_dict(weights)
