"""What all victims share: pixels in and out of a model's own preprocessing."""

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from mmpretrain.models import SelfSupDataPreprocessor
from torch import Tensor, nn

from mmssl_robust.attacks import Attack, Ensemble, Transfer
from mmssl_robust.attacks.modes import eval_mode, frozen
from mmssl_robust.attacks.objectives import JointLoss, Objective, ObjectiveValues
from mmssl_robust.attacks.result import AttackResult
from mmssl_robust.attacks.sanity import measure
from mmssl_robust.attacks.upsampled import Outputs, full
from mmssl_robust.defences import Defended, undefended
from mmssl_robust.encoders.views import ASKABLE, every_token
from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.functional.tokens import all_tokens, select_tokens
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.allocator import return_freed_memory
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.image_sizes import named_size_errors
from mmssl_robust.utils.precision import HALF, gemm_route

from .heads import Distances, with_heads
from .seen import Seen
from .surrogate import Surrogate, surrogate_of

# mmpretrain, mmseg, and mmseg upstream name the same switch differently.
_CHANNEL_SWITCHES = ('to_rgb', '_channel_conversion', 'channel_conversion')


class Victim:
    """A model and one batch of its data.

    Attributes:
        pixels: (B, 3, H, W) in [0, 1], in the model's channel order, padding 0.
        mask: (B, 1, H, W), True where a pixel belongs to an image; None if nothing was padded.
        keys: Index of each sample in its data set.
        data_samples: Annotations as the model's preprocessor left them.
    """

    output: str
    task_tokens: str
    task: str
    """Name of the task that such a model is made for, where the metric does not say another."""

    def __init__(self, model: BaseModel, data_batch: dict[str, Any]) -> None:
        self.model = model
        images = list(data_batch['inputs'])
        preprocessor = undefended(model.data_preprocessor)
        data = preprocessor(_as_wanted(preprocessor, data_batch), False)
        self.inputs: Tensor = data['inputs']
        self.data_samples: list[BaseDataElement] = data['data_samples']
        self.sizes = [tuple(image.shape[-2:]) for image in images]
        self.keys = [_key(sample) for sample in self.data_samples]
        self.mask = self._mask()
        self.space = PixelSpace(preprocessor, self.inputs, images)
        self.pixels = self.space.to_pixels(self.inputs, self.mask)
        self.swaps_channels = self._swaps_channels(images[0])
        self._clean: dict[tuple[str, str], Tensor] = {}
        self._given: Tensor | None = None
        self._calls: Counter[int] | None = None
        self._surrogate: Surrogate | None = None

    @property
    def thresholds(self) -> dict[str, float]:
        """Name -> value of what says which targets count; attacks are told of it."""
        return {}

    def _swaps_channels(self, image: Tensor) -> bool:
        """Whether the preprocessor turns BGR into RGB, or back; of a grey image it says so itself."""
        rows, columns = image.shape[-2:]
        image, seen = image.to(self.inputs), self.space.to_images(self.pixels[0, :, :rows, :columns])
        straight, swapped = ((seen - other).abs().mean() for other in (image, image.flip(0)))
        if (straight - swapped).abs() > 1e-3 * self.space.image_white:
            return bool(swapped < straight)
        return any(getattr(self.model.data_preprocessor, name, False) for name in _CHANNEL_SWITCHES)

    def _mask(self) -> Tensor | None:
        batch, _, height, width = self.inputs.shape
        if set(self.sizes) == {(height, width)}:
            return None
        mask = torch.zeros(batch, 1, height, width, dtype=torch.bool, device=self.inputs.device)
        for image_mask, (rows, columns) in zip(mask, self.sizes):
            image_mask[:, :rows, :columns] = True
        return mask

    def check_truth(self) -> None:
        """Check that each image has what a prediction is scored by; an attack on the embedding alone needs it not.

        Raises:
            UserError: If one has not; names it.
        """

    def normalise(self, pixels: Tensor) -> Tensor:
        """Model input (B, 3, H, W) for pixels in [0, 1], through its defence; padding is the preprocessor's."""
        inputs = self.space.to_inputs(self._defended(pixels))
        return inputs if self.mask is None else torch.where(self.mask, inputs, self.inputs)

    def _defended(self, pixels: Tensor) -> Tensor:
        preprocessor = self.model.data_preprocessor
        if not isinstance(preprocessor, Defended):
            return pixels
        if self._calls is None:
            return preprocessor.defend(pixels, self.sizes, self.keys)
        self._calls.update(self.keys)
        return preprocessor.defend(pixels, self.sizes, self.keys, [self._calls[key] for key in self.keys])

    def _drawing(self) -> 'Victim':
        """The same, whose defence draws anew at each call, counted for each image since now: no other image matters."""
        other = copy.copy(self)
        other._calls = Counter()
        return other

    def as_inputs(self, pixels: Tensor) -> list[Tensor]:
        """Images (3, H, W) as the data loader would give them, but floats, for a stock ``test_step``."""
        images = [image[:, :rows, :columns] for image, (rows, columns) in zip(self.space.to_images(pixels), self.sizes)]
        return [image[[2, 1, 0]] for image in images] if self.swaps_channels else images

    @torch.no_grad()
    def predict(self, pixels: Tensor) -> list[BaseDataElement]:
        """Predictions for these pixels, exactly as ``model.test_step`` makes them in eval mode.

        Raises:
            UserError: If a prediction is not finite, or the model cannot take images of this size; names the image.
        """
        with eval_mode(self.model), self._named_size_errors():
            samples = self.model(self.normalise(pixels), self._fresh_samples(), mode='predict')
        for sample in samples:
            if not self._output_of(sample).isfinite().all():
                raise UserError(
                    f'the prediction for {name_of(sample)} holds NaN or infinity: check the checkpoint and the image'
                )
        return samples

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
                    task = task_named(self.task)
                    raise UserError(
                        f'{type(member.objective).__name__} does not fit a {type(self.model).__name__} ({error}): use '
                        f'an attack for {task.name}, {" or ".join((*task.attacks, task.strongest))}'
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

    def _named_size_errors(self) -> AbstractContextManager[None]:
        images = [self.pixels[place, :, :rows, :columns] for place, (rows, columns) in enumerate(self.sizes)]
        return named_size_errors(self.model, dict(inputs=images, data_samples=self.data_samples))

    def only(self, indices: Tensor) -> 'Victim':
        """The same model with some of the samples, by their places (N,)."""
        part, places = copy.copy(self), indices.tolist()
        part.inputs, part.pixels, part._clean = self.inputs[indices], self.pixels[indices], {}
        part.mask = None if self.mask is None else self.mask[indices]
        part._given = None if self._given is None else self._given[indices]
        for name in ('data_samples', 'sizes', 'keys'):
            setattr(part, name, [getattr(self, name)[place] for place in places])
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

    def _output_of(self, sample: BaseDataElement) -> Tensor:
        output = sample.get(self.output)
        return output if isinstance(output, Tensor) else output.data

    def _fresh_samples(self) -> list[BaseDataElement]:
        # Models write their predictions into the samples that they are given.
        return [sample.clone() for sample in self.data_samples]


def _as_wanted(preprocessor: nn.Module, data_batch: dict[str, Any]) -> dict[str, Any]:
    """A batch as a preprocessor wants it: one for several views takes a list of images for such."""
    if not isinstance(preprocessor, SelfSupDataPreprocessor):
        return data_batch
    return dict(inputs=torch.stack(list(data_batch['inputs'])), data_samples=data_batch['data_samples'])


def _key(sample: BaseDataElement) -> int:
    if 'sample_idx' not in sample:
        raise UserError(
            'samples do not say their place in the data set: wrap it in mmssl_robust.TolerantDataset, or add '
            "'sample_idx' to meta_keys of the packing transform"
        )
    return int(sample.sample_idx)


def name_of(sample: BaseDataElement) -> str:
    """What to call an image in an error message."""
    return str(sample.get('img_path') or f'image {_key(sample)}')
