"""What all methods of adversarial training have in common."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, ClassVar, Literal, get_args

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmssl_robust.attacks import Perturbation, eval_mode, frozen
from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.functional.tokens import select_tokens
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.mismatch import mismatch

from .adversarial_batch import AdversarialBatch
from .cost import Cost
from .inner_attack import Output, build_inner_attack
from .references import WithReferences

Tokens = Literal['cls', 'patch', 'both']


class AdversarialTraining(WithReferences):
    """Adversarial fine-tuning of an encoder, the student, beside a frozen teacher.

    The student starts as the teacher's copy. In each step adversarial images are made on the student, in eval mode;
    what it then learns from them is all that a method states, in :meth:`losses`.

    A checkpoint holds the student alone, under ``backbone.``, and what a method adds to it; the teacher is loaded anew
    from where its ``init_cfg`` says. Images are attacked in [0, 1], before the data preprocessor's normalisation.

    Args:
        backbone: Config of the student, any backbone. Its ``init_cfg`` names the teacher's weights too.
        attack: Config of the inner attack, of which the last iterate is taken.
        tokens: The embedding that is kept and attacked: ``'cls'``, ``'patch'``, or ``'both'``, of which CLS weighs as
            much as all patch tokens together. The backbone must give them: DINO's by ``out_type``.
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

    attacked: ClassVar[Output] = 'embedding'
    """What the inner attack's objective reads; a method that attacks a prediction overrides :meth:`perturb` too."""

    def __init__(
        self,
        backbone: dict[str, Any],
        attack: dict[str, Any],
        tokens: Tokens = 'cls',
        neck: dict[str, Any] | None = None,
        teacher: dict[str, Any] | None = None,
        loss_scale: float = 4096.0,
        compile_backbone: bool = False,
        data_preprocessor: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        if tokens not in get_args(Tokens):
            raise UserError(f'unknown tokens={tokens!r}: use one of {", ".join(get_args(Tokens))}')
        self.tokens = tokens
        self.attack = build_inner_attack(attack, self.attacked, type(self).__name__)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck) if neck else nn.Identity()
        if any(True for _ in self.neck.parameters()):
            raise UserError(f'{type(self.neck).__name__} has parameters, which teacher and student would share')
        self.add_reference('teacher', MODELS.build(teacher) if teacher else deepcopy(self.backbone))
        self._own_teacher = teacher is not None
        self.loss_scale = loss_scale
        self.epoch = 0
        self.cost = Cost()
        if compile_backbone:
            self.backbone.compile()

    @abstractmethod
    def losses(self, batch: AdversarialBatch) -> dict[str, Tensor]:
        """Return the losses, scalars; those with ``loss`` in their name are added up, others only logged.

        Args:
            batch: The images, their embeddings by teacher and student, and what is known of them.
        """

    def perturb(self, batch: AdversarialBatch) -> Perturbation:
        """Make the adversarial images, away from the teacher's clean embedding."""
        return self.run_attack(batch, batch.embed, batch.teacher)

    def run_attack(self, batch: AdversarialBatch, outputs: Callable[[Tensor], Tensor], targets: Tensor) -> Perturbation:
        """Run the inner attack on the model in eval mode.

        Args:
            batch: The images.
            outputs: From images (B, 3, H, W) in [0, 1] to what the attack's objective reads.
            targets: The objective's targets, batch first.
        """
        device = batch.inputs.device.type
        half = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) == torch.float16
        with eval_mode(self), frozen(self):
            return self.attack.perturb(
                outputs,
                batch.pixels,
                targets,
                keys=batch.keys,
                visit=self.epoch,
                loss_scale=self.loss_scale if half else 1.0,
            )

    def embed(self, network: nn.Module, inputs: Tensor) -> Tensor:
        """Return the embedding in float32 that is attacked and learnt, by student or teacher.

        Args:
            network: Either of them.
            inputs: Normalised images (B, 3, H, W).

        Returns:
            Tokens (B, N, D); of both kinds (B, N, 2 D), a patch token beside CLS.
        """
        features = self.neck(network(inputs))
        if self.tokens != 'both':
            return select_tokens(features, self.tokens).float()
        kinds = (select_tokens(features, kind).float() for kind in ('cls', 'patch'))
        # Of length 1, so that the cosine of such pairs is the mean of the two cosines.
        cls_token, patch_tokens = (F.normalize(tokens, dim=-1) for tokens in kinds)
        return torch.cat((cls_token.expand_as(patch_tokens), patch_tokens), dim=-1)

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
            raise ValueError(f'{type(self).__name__} has no mode {mode!r}: test the encoder of its checkpoint instead')
        space = PixelSpace(self.data_preprocessor, inputs)
        student, teacher = (partial(self.embed, network) for network in (self.backbone, self.teacher))
        batch = AdversarialBatch(inputs, data_samples, space, student, teacher, self.cost)
        # First of all: the student's own forwards may change its running statistics.
        batch.perturbation = self.perturb(batch)
        self.cost.images += len(batch)
        self.cost.add(len(batch), batch.perturbation.forwards, batch.perturbation.backwards)
        return self.losses(batch) | dict(zero_grad=batch.perturbation.zero_grad.mean())

    def init_weights(self) -> None:
        """Load the weights, and make teacher and student equal where only one of them names any."""
        super().init_weights()
        if self._own_teacher and not self.backbone.init_cfg:
            _load(self.backbone, self.teacher.state_dict())

    def init_reference(self, name: str, module: BaseModule) -> None:
        """Give a teacher that has no config of its own the student's weights."""
        if name == 'teacher' and not self._own_teacher:
            module.load_state_dict(self.backbone.state_dict())
        else:
            super().init_reference(name, module)


def _load(student: nn.Module, weights: dict[str, Tensor]) -> None:
    problems = mismatch(student.state_dict(), weights)
    if problems:
        raise UserError(f'the student cannot start from this teacher ({problems}): give it an init_cfg of its own')
    student.load_state_dict(weights)
