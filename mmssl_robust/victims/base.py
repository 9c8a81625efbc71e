"""What all victims share: attacks on the images of a batch, and what these see of the model."""

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmssl_robust.attacks import Attack, Ensemble, Transfer
from mmssl_robust.attacks.modes import eval_mode, frozen
from mmssl_robust.attacks.objectives import JointLoss, Objective, ObjectiveValues
from mmssl_robust.attacks.result import AttackResult
from mmssl_robust.attacks.sanity import measure
from mmssl_robust.attacks.upsampled import Outputs, full
from mmssl_robust.encoders.views import ASKABLE, every_token
from mmssl_robust.functional.tokens import all_tokens, select_tokens
from mmssl_robust.tasks import TASKS
from mmssl_robust.utils.allocator import return_freed_memory
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.precision import HALF, gemm_route

from .batch import ModelBatch
from .heads import Distances, with_heads
from .seen import Seen
from .surrogate import Surrogate, surrogate_of

if TYPE_CHECKING:
    from typing_extensions import Self


class Victim(ModelBatch):
    """A model and one batch of its data under attack.

    A child says how such a model predicts: :meth:`prediction`, :meth:`targets`, :meth:`check_truth`, and of its encoder
    ``_features`` and ``task_tokens``; its ``task``, and ``output``, the field of a prediction that must be finite.

    Args:
        model: The model.
        data_batch: See :func:`build_victim`.
        memory: Likewise; nothing to whoever keeps little.

    Examples:
        >>> import torch
        >>> from mmengine.config import Config
        >>> from mmpretrain.registry import MODELS
        >>> from mmpretrain.structures import DataSample
        >>> from mmssl_robust.attacks import EmbedAttack
        >>> from mmssl_robust.utils.config_files import find_config
        >>> from mmssl_robust.victims import build_victim
        >>> model = MODELS.build(Config.fromfile(find_config('mini_cifar10')).model)
        >>> batch = dict(inputs=[torch.zeros(3, 16, 16)], data_samples=[DataSample(metainfo=dict(sample_idx=0))])
        >>> victim = build_victim(model, batch)
        >>> adv = victim.attack(EmbedAttack(steps=1)).adv  # needs no label
        >>> victim.predict(adv)[0].pred_score.shape  # as model.test_step, on other pixels
        torch.Size([10])
    """

    task_tokens: str
    task: str
    """Name of the task that such a model is made for, where the metric does not say another."""

    def __init__(self, model: BaseModel, data_batch: dict[str, Any], memory: str | int | None = None) -> None:  # noqa: ARG002
        super().__init__(model, data_batch)
        self._clean: dict[tuple[str, str], Tensor] = {}
        self._given: Tensor | None = None
        self._surrogate: Surrogate | None = None

    @property
    def thresholds(self) -> dict[str, float]:
        """Name -> value of what says which targets count; attacks are told of it."""
        return {}

    def check_truth(self) -> None:
        """Check that each image has what a prediction is scored by; an attack on the embedding alone needs it not.

        Raises:
            UserError: If one has not; names it.
        """

    def attack(self, attack: Attack | Ensemble, precision: str = 'fp32') -> AttackResult:
        """Attack the batch.

        Args:
            attack: Its ``objective.reads`` decides whether the prediction or the embedding is attacked.
            precision: ``'bf16'`` and ``'fp16'`` make the examples under autocast; what is reported of them is
                computed in fp32. ``'fast-fp32'`` multiplies matrices by oneDNN meanwhile.

        Returns:
            The result, of an ensemble the worst for each image.

        Raises:
            UserError: If the attack is for another task, or not for this precision.
        """
        *_, (_, _, result) = self.runs(attack, precision)
        return result

    def runs(
        self, attack: Attack | Ensemble, precision: str = 'fp32'
    ) -> Iterator[tuple[str, Attack | Ensemble, AttackResult]]:
        """Yield '', the attack and its result; of an ensemble before that name, attack and result of each member."""
        attack = attack.told(self.thresholds)
        members = attack.members if isinstance(attack, Ensemble) else {'': attack}
        if isinstance(attack, Ensemble) and any(isinstance(member, Transfer) for member in members.values()):
            raise UserError('the members of an ensemble see one model: give a transfer attack beside it, not in it')
        if precision in HALF and getattr(attack, 'stop_at_success', False):
            raise UserError(
                f'{type(attack).__name__} leaves an image alone after its success, which only fp32 decides: attack in '
                f'fp32 or fast-fp32, not in {precision}'
            )
        seen, targets = self.seen_by(attack, precision)
        arguments = (seen, self.pixels, targets, self.keys, self.mask)
        results = attack.run(*arguments) if isinstance(attack, Ensemble) else iter([None])
        found = []
        for name, member in members.items():
            with (
                eval_mode(self.model),
                frozen(self.model),
                gemm_route(precision, self.model),
                self._named_size_errors(),
            ):
                try:
                    result = next(results) or attack(*arguments)
                except ValueError as error:
                    raise UserError(
                        f'{type(member.objective).__name__} does not fit a {type(self.model).__name__} ({error}): use '
                        f'an attack for {self._task_and_attacks()}'
                    ) from error
                finally:
                    return_freed_memory(self.inputs.device, False)
            if precision in HALF or isinstance(member, Transfer):
                judge = self if result.region is None else self.outside(result.region)
                _, loss, score, success = judge.objective_values(member, result.adv)
                result = replace(result, loss=loss, score=score, success=success)
            found.append(result)
            yield name, member, result
        if isinstance(attack, Ensemble):
            with eval_mode(self.model), frozen(self.model):
                yield '', attack, attack.joined(found, *arguments)

    def _task_and_attacks(self) -> str:
        """The task with its presets, in words; of one that is not registered the name."""
        task = TASKS.get(self.task)
        return f'{task.name}, {" or ".join(dict.fromkeys((*task.attacks, task.strongest)))}' if task else self.task

    def sanity_measurements(
        self,
        attack: Attack,
        queries: int,
        half: bool = False,
        other: 'Victim | None' = None,
        alone: bool = True,
    ) -> dict[str, Tensor]:
        """Measure what tells whether an attack on the batch is believable.

        Args:
            attack: See :func:`mmssl_robust.attacks.sanity.measure`.
            queries: Likewise.
            half: Also make the examples in bfloat16, where :meth:`runs` would.
            other: A model with another encoder and the same batch; images that are far from the clean ones in its
                embedding are tried on this one.
            alone: See :func:`mmssl_robust.attacks.sanity.measure`.
        """
        attack = attack.told(self.thresholds)
        seen, targets = self.seen_by(attack)
        lower = self.seen_by(attack, 'bf16')[0] if half and not attack.stop_at_success else None
        models = [self.model] if other is None else [self.model, other.model]
        with ExitStack() as stack:
            stack.enter_context(self._named_size_errors())
            for model in models:
                stack.enter_context(eval_mode(model))
                stack.enter_context(frozen(model))
            rival = None if other is None else Seen(other, tokens=attack.objective.tokens)
            return measure(attack, seen, self.pixels, targets, self.keys, self.mask, queries, lower, rival, alone)

    @torch.no_grad()
    def objective_values(self, attack: Attack, pixels: Tensor) -> ObjectiveValues:
        """What images (B, 3, H, W) in place of the batch's are worth to an attack at its last step, in fp32."""
        objective, steps = self._judge(attack).told(self.thresholds), max(attack.steps, 1)
        forward, targets = self.seen_by(attack) if self._lacks_embedding(attack) else self._seen(objective, 'fp32')
        with eval_mode(self.model):
            targets = objective.prepare(forward, self.pixels, targets)
            return objective.values(forward(pixels), objective.aim(targets, 0), steps, steps)

    def _judge(self, attack: Attack) -> Objective:
        return attack.objective if self._lacks_embedding(attack) else attack.judged_by

    def _lacks_embedding(self, attack: Attack) -> bool:
        """Whether images that are made by another encoder can be judged by that alone."""
        return isinstance(attack, Transfer) and not getattr(self.model, 'has_embedding', True)

    def only(self, indices: Tensor) -> 'Self':
        """The same model with some of the samples, by their places (N,)."""
        part = super().only(indices)
        part._clean, part._given = {}, None if self._given is None else self._given[indices]
        return part

    def given(self, targets: Tensor) -> 'Victim':
        """The same with other targets than the ground truth, in the shape of :meth:`targets`; each of them counts."""
        other = copy.copy(self)
        other._given = targets
        return other

    def outside(self, region: Tensor) -> 'Victim':
        """The same, its predictions judged outside a region of the pixels; itself if what is predicted has no place.

        Args:
            region: (B, 1, H, W) bool, in the places of :attr:`pixels`.
        """
        return self

    def judged_here(self, predictions: list[BaseDataElement]) -> list[BaseDataElement]:
        """Predictions for the batch with the ground truth that this victim is judged by."""
        return predictions

    def region_of_maps(self, region: Tensor) -> Tensor:
        """Return which places of the ground truth lie on a region of the pixels, wholly or in part, bool."""
        raise NotImplementedError

    def seen_by(self, attack: Attack | Ensemble, precision: str = 'fp32') -> tuple[Seen, Tensor | None]:
        """Return the function of pixels that an attack differentiates, and its targets.

        Args:
            attack: Its ``objective.reads`` decides, see :meth:`attack`.
            precision: See :meth:`attack`.

        Returns:
            The function, of pixels (B, 3, H, W) in [0, 1], of a transfer attack that of its surrogate; the targets as
            :meth:`targets` or :meth:`given` has them, or where the embedding is attacked :meth:`clean_embedding`, None
            if the objective has another reference.
        """
        attacked = self._behind(surrogate_of(attack, self.pixels.device)) if isinstance(attack, Transfer) else self
        return attacked._seen(attack.objective, precision)

    def _behind(self, surrogate: Surrogate) -> 'Victim':
        """The same with another encoder's embedding."""
        other = copy.copy(self)
        other._surrogate, other._clean = surrogate, {}
        return other

    def _seen(self, objective: Objective, precision: str) -> tuple[Seen, Tensor | None]:
        if isinstance(objective, JointLoss):
            return Seen(self._drawing(), precision, distances=self._distances(objective, precision)), None
        if objective.reads == 'embedding':
            own = self.clean_embedding(objective.tokens, precision) if objective.from_clean else None
            return Seen(self._drawing(), precision, objective.tokens), own
        targets = self.targets() if self._given is None else self._given
        return Seen(self._drawing(), precision, upsampled=objective.takes_upsampled), targets

    @torch.no_grad()
    def clean_embedding(self, tokens: str, precision: str = 'fp32') -> Tensor:
        """The embedding of the batch's own images, computed once for all attacks."""
        key = (tokens, precision)
        if key not in self._clean:
            with eval_mode(self.model), gemm_route(precision, self.model):
                self._clean[key] = full(Seen(self, precision, tokens)(self.pixels))
        return self._clean[key]

    @torch.no_grad()
    def _distances(self, objective: JointLoss, precision: str) -> Distances:
        network = with_heads(self.model.backbone, objective.heads)
        with eval_mode(self.model), gemm_route(precision, self.model):
            return Distances(network, self.windowed(network, self.pixels))

    def windowed(self, network: nn.Module, pixels: Tensor) -> Tensor:
        """What a network in the encoder's place says of pixels (B, 3, H, W), (B, W, ...) for W windows of an image."""
        found: Tensor = network(self.normalise(pixels))[:, None]
        return found

    def compact_prediction(self, pixels: Tensor) -> Outputs:
        """:meth:`prediction`, as small maps where it is linear in such."""
        return self.prediction(pixels)

    def prediction(self, pixels: Tensor) -> Tensor:
        """Differentiable output on which the metric is computed."""
        raise NotImplementedError

    def targets(self) -> Tensor:
        """Ground truth in the shape that objectives on :meth:`prediction` want."""
        raise NotImplementedError

    def embedding(self, pixels: Tensor, tokens: str = 'task') -> Tensor:
        """Differentiable output of the encoder.

        Args:
            pixels: (B, 3, H, W).
            tokens: ``'cls'``, ``'patch'``, ``'both'``, or ``'task'``: CLS for
                classification and patch tokens for dense tasks (paper, 3.1).

        Returns:
            (B, N, D).
        """
        tokens = self.task_tokens if tokens == 'task' else tokens
        if self._surrogate is None:
            return self._tokens(self.normalise(pixels), tokens)
        encode = partial(self._surrogate.tokens, tokens=tokens)
        return self._encoded(encode, self._surrogate.normalise(pixels, self.mask), self._surrogate.encoder)

    def _tokens(self, inputs: Tensor, tokens: str) -> Tensor:
        if tokens != 'every':
            return select_tokens(self._features(inputs), tokens)
        encoder = self.model.backbone
        return every_token(encoder)(inputs) if isinstance(encoder, ASKABLE) else all_tokens(self._features(inputs))

    def _encoded(self, encode: Callable[[Tensor], Tensor], inputs: Tensor, encoder: nn.Module) -> Tensor:  # noqa: ARG002
        """Tokens (B, N, D) of inputs (B, 3, H, W), by a function of what an encoder sees at once."""
        return encode(inputs)

    def _features(self, inputs: Tensor) -> Any:
        raise NotImplementedError
