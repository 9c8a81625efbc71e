"""What all methods of adversarial training have in common."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, ClassVar

import torch
from mmengine.model import BaseModule
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.func import functional_call

from mmssl_robust.attacks import PGD, Perturbation, eval_mode, frozen
from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.mismatch import mismatch
from mmssl_robust.utils.numbers import check_number

from .adversarial_batch import AdversarialBatch
from .adversary import build_adversaries, deal
from .cost import Cost
from .embedding import Embedding, Tokens
from .inner_attack import Output
from .references import WithReferences
from .task_head import TaskHead
from .weight_perturbation import WeightPerturbation, build_weight_perturbation


class AdversarialTraining(WithReferences):
    """Adversarial fine-tuning of an encoder, the student, beside a frozen teacher.

    The student starts as the teacher's copy. In each step adversarial images are made on the student, in eval mode;
    what it then learns from them is all that a method states, in :meth:`losses`.

    A checkpoint holds the student alone, under ``backbone.``, and what a method adds to it; teacher and heads are
    loaded anew from where their configs say. Images are attacked in [0, 1], before the data preprocessor's
    normalisation.

    Args:
        backbone: Config of the student, any backbone. Its ``init_cfg`` names the teacher's weights too.
        attack: Config of the inner attack, of which the last iterate is taken.
        adversaries: In its place several, of which each makes a share of the images: arguments of
            :class:`~mmssl_robust.models.algorithms.adversary.Adversary`, with the config of its attack. An empty list
            leaves all images as they are.
        heads: Name -> arguments of a :class:`~mmssl_robust.models.algorithms.TaskHead` that was trained on the teacher,
            for adversaries and losses.
        weight_perturbation: Arguments of
            :class:`~mmssl_robust.models.algorithms.weight_perturbation.WeightPerturbation`; None for none.
        whitening: Arguments of :class:`~mmssl_robust.models.algorithms.whitening.Whitening`, by which distances of
            embeddings become what the worst linear head makes of them; None for plain ones.
        tokens: The embedding that is kept and attacked: ``'cls'``, ``'patch'``, or ``'both'``, of which CLS weighs as
            much as all patch tokens together. The backbone must give them: DINO's by ``out_type``.
        blocks: Which of the backbone's outputs make the embedding, beside each other.
        neck: Config of a neck without parameters, such as ``GlobalAveragePooling`` for a convolutional backbone.
        teacher: Config of another teacher, of the same width. A student without an ``init_cfg`` of its own starts
            with its weights.
        loss_scale: Factor on the attack's loss where autocast computes in float16, whose small gradients are zero.
        compile_backbone: Compile the student by ``torch.compile``.
        data_preprocessor: ``mean``, ``std`` and ``to_rgb``; by default of type ``mmpretrain.ClsDataPreprocessor``.

    Attributes:
        epoch: Number of the epoch, set by the training loop: random starts differ from epoch to epoch.
        step: Number of the optimiser's step, likewise.
        progress: Share of the training that is done, likewise.
        cost: :class:`Cost` since it was last replaced.

    Raises:
        UserError: If a setting is unknown, or teacher, student and heads do not fit each other.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.algorithms import AdversarialTraining
        >>> class MyMethod(AdversarialTraining):
        ...     def losses(self, batch):
        ...         return dict(loss_distance=(batch.adversarial - batch.teacher).abs().sum(dim=-1).mean())
        >>> backbone = dict(type='mmssl_robust.Encoder', spec='mini', frozen=False)
        >>> attack = dict(type='FGSM', objective=dict(type='EmbeddingDistance'), norm='linf', eps='4/255')
        >>> images = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
        >>> model = MyMethod(backbone, attack=attack, data_preprocessor=images)
        >>> sorted(model(torch.rand(1, 3, 16, 16)))
        ['loss_distance', 'zero_grad']
    """

    attacked: ClassVar[Output] = 'embedding'
    """What the objective of an adversary without heads reads; a method that says otherwise overrides :meth:`aim`."""

    of_length_1: ClassVar[bool] = False
    """Whether the lengths of tokens play no part, so that those of both kinds are brought to 1."""

    def __init__(
        self,
        backbone: dict[str, Any],
        attack: dict[str, Any] | None = None,
        adversaries: Sequence[dict[str, Any]] | None = None,
        heads: dict[str, dict[str, Any]] | None = None,
        weight_perturbation: dict[str, float] | None = None,
        whitening: dict[str, float] | None = None,
        tokens: Tokens = 'cls',
        blocks: Sequence[int] = (-1,),
        neck: dict[str, Any] | None = None,
        teacher: dict[str, Any] | None = None,
        loss_scale: float = 4096.0,
        compile_backbone: bool = False,
        data_preprocessor: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        if (attack is None) == (adversaries is None):
            raise UserError('give the inner attack as attack, or several as adversaries')
        self.adversaries = build_adversaries(
            [dict(attack=attack)] if adversaries is None else adversaries,
            list(heads or {}),
            self.attacked,
            type(self).__name__,
        )
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck) if neck else nn.Identity()
        if any(True for _ in self.neck.parameters()):
            raise UserError(f'{type(self.neck).__name__} has parameters, which teacher and student would share')
        width = getattr(self.backbone, 'embed_dims', 0)
        self.embed = Embedding(tokens, blocks, width, self.of_length_1, whitening)
        self.add_reference('teacher', MODELS.build(teacher) if teacher else deepcopy(self.backbone))
        self._own_teacher = teacher is not None
        self.heads = {name: TaskHead(**arguments) for name, arguments in (heads or {}).items()}
        for name, head in self.heads.items():
            head.check(self.backbone)
            self.add_reference(f'head {name}', head)
        self.weight_perturbation = build_weight_perturbation(weight_perturbation)
        self.loss_scale = check_number(loss_scale, 'loss_scale', above=0)
        self.epoch = self.step = 0
        self.progress = 1.0
        self.cost = Cost()
        if compile_backbone:
            self.backbone.compile()

    @abstractmethod
    def losses(self, batch: AdversarialBatch) -> dict[str, Tensor]:
        """Return the losses, scalars; those with ``loss`` in their name are added up, others only logged.

        Args:
            batch: The images, their embeddings by teacher and student, and what is known of them.
        """

    def aim(self, batch: AdversarialBatch) -> tuple[Callable[[Tensor], Tensor], Tensor | None]:
        """Return what an adversary without heads attacks: outputs of pixels (B, 3, H, W), and its targets.

        By default the embedding, away from the teacher's clean one. Targets are batch first; the outputs may be asked
        for some of the images.
        """
        return batch.embed, batch.teacher

    def perturb(self, batch: AdversarialBatch) -> None:
        """Make the adversarial images, each adversary its own, on the model in eval mode."""
        batch.adv, batch.zero_grad = batch.pixels.clone(), batch.pixels.new_zeros(len(batch))
        for adversary, rows in zip(self.adversaries, deal(self.adversaries, batch.keys, self.epoch)):
            attack = adversary.at(self.progress)
            if attack is None or not len(rows):
                continue
            with eval_mode(self), frozen(self):
                made = self._attacked(batch, attack, adversary.heads, rows)
            batch.adv[rows], batch.zero_grad[rows] = made.adv, made.zero_grad
            self.cost.add(len(rows), made.forwards, made.backwards)

    def _attacked(self, batch: AdversarialBatch, attack: PGD, heads: Sequence[str], rows: Tensor) -> Perturbation:
        device = batch.inputs.device.type
        half = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) == torch.float16
        outputs, targets = self.aimed(batch, heads, rows)
        return attack.perturb(
            outputs,
            batch.pixels[rows],
            targets,
            keys=[batch.keys[row] for row in rows.tolist()],
            visit=self.epoch,
            loss_scale=self.loss_scale if half else 1.0,
        )

    def aimed(
        self, batch: AdversarialBatch, heads: Sequence[str], rows: Tensor
    ) -> tuple[Callable[[Tensor], Tensor], Tensor | None]:
        """Return what an adversary attacks on some images: outputs of their pixels, and their targets.

        Args:
            batch: The images.
            heads: Names of the heads that it attacks; none for what :meth:`aim` says.
            rows: Places of its images.
        """
        if heads:
            return self._aim_at_heads(batch, heads, rows)
        outputs, targets = self.aim(batch)
        return outputs, None if targets is None else targets[rows]

    @staticmethod
    def _aim_at_heads(
        batch: AdversarialBatch, heads: Sequence[str], rows: Tensor
    ) -> tuple[Callable[[Tensor], Tensor], None]:
        def distances(pixels: Tensor) -> Tensor:
            features = batch.features(pixels)
            return torch.stack([batch.distance(head, features, rows) for head in heads]).sum(dim=0)

        return distances, None

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
        batch = self.batch_of(inputs, data_samples)
        if self.embed.whitening is not None:
            self.embed.see(batch.teacher_features)
        # First of all: the student's own forwards may change its running statistics.
        self.perturb(batch)
        self.cost.images += len(batch)
        if self.weight_perturbation and self.progress >= self.weight_perturbation.start:
            batch = self._on_worse_weights(batch, self.weight_perturbation)
        return self.losses(batch) | dict(zero_grad=batch.zero_grad.mean())

    def _on_worse_weights(self, batch: AdversarialBatch, perturbation: WeightPerturbation) -> AdversarialBatch:
        loss = torch.stack([value for name, value in self.losses(batch).items() if 'loss' in name]).sum()
        parameters = perturbation.perturbed(self.backbone, self.loss_scale * loss)

        def student(inputs: Tensor) -> Any:
            return self.neck(functional_call(self.backbone, parameters, (inputs,)))

        return batch.seen_by(student)

    def batch_of(self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None) -> AdversarialBatch:
        """Return a batch whose adversarial images are still to be made; the arguments are those of :meth:`forward`."""
        space = PixelSpace(self.data_preprocessor, inputs)
        student, teacher = (partial(self._features, network) for network in (self.backbone, self.teacher))
        return AdversarialBatch(inputs, data_samples, space, student, teacher, self.embed, self.cost, self.heads)

    def _features(self, network: nn.Module, inputs: Tensor) -> Any:
        return self.neck(network(inputs))

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
