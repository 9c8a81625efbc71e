"""What a method of adversarial training states its losses from."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.utils.errors import UserError

from .cost import Cost
from .task_head import TaskHead

Encoder = Callable[[Tensor], Any]
"""From normalised images to what a backbone returns, its features."""

_OF_STUDENT = {'clean_features', 'adversarial_features', 'clean', 'adversarial'}


class AdversarialBatch:
    """Clean images, adversarial ones made from them, their embeddings, and what frozen heads say of them.

    Each is computed when it is first asked for, and counted then: a method pays for what its losses read. An embedding
    and the predictions of all heads come from one forward.

    Args:
        inputs: Normalised clean images (B, 3, H, W).
        data_samples: What is known of each, such as labels; None for nothing.
        space: Between ``inputs`` and pixels.
        student: From normalised images to features.
        teacher: Likewise.
        embed: From features to the embedding (B, N, D).
        cost: Where forwards and backwards are counted.
        heads: Name -> frozen head of a task.

    Attributes:
        adv: The adversarial images (B, 3, H, W) in [0, 1]; set when the inner attack is done.
        zero_grad: The share (B,) of exactly-zero entries in its gradients, likewise.

    Examples:
        >>> import torch
        >>> from mmssl_robust.models.algorithms import DeACL
        >>> backbone = dict(type='mmssl_robust.Encoder', spec='mini', frozen=False)
        >>> images = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
        >>> model = DeACL(backbone, data_preprocessor=images)
        >>> batch = model.batch_of(torch.rand(2, 3, 16, 16), data_samples=None)
        >>> model.perturb(batch)  # in five steps, away from what the teacher says
        >>> bool((batch.adv - batch.pixels).abs().max() <= 4.001 / 255), model.cost.forwards
        (True, 12)
        >>> batch.adversarial.shape, model.cost.forwards  # computed, and paid for, when it is asked for
        (torch.Size([2, 1, 192]), 14)
    """

    adv: Tensor
    zero_grad: Tensor

    def __init__(
        self,
        inputs: Tensor,
        data_samples: Sequence[BaseDataElement] | None,
        space: PixelSpace,
        student: Encoder,
        teacher: Encoder,
        embed: Callable[[Any], Tensor],
        cost: Cost,
        heads: Mapping[str, TaskHead] | None = None,
    ) -> None:
        self.inputs = inputs
        self.data_samples = data_samples
        self._space = space
        self._student = student
        self._teacher = teacher
        self._embed = embed
        self._cost = cost
        self._heads = heads or {}
        self._shape: torch.Size | None = None
        self._said: dict[str, Tensor] = {}

    def seen_by(self, student: Encoder) -> 'AdversarialBatch':
        """Return the same images, clean and adversarial, and what the teacher says of them, for another student."""
        other = copy(self)
        other._student = student
        for name in _OF_STUDENT & vars(other).keys():
            del vars(other)[name]
        return other

    def __len__(self) -> int:
        return len(self.inputs)

    @cached_property
    def pixels(self) -> Tensor:
        """The clean images (B, 3, H, W) in [0, 1]."""
        return self._space.to_pixels(self.inputs)

    @property
    def keys(self) -> list[int]:
        """The ``sample_idx`` of each image, from which its noise follows in any batch; otherwise its place in this."""
        if self.data_samples is None:
            return list(range(len(self)))
        return [int(sample.get('sample_idx', row)) for row, sample in enumerate(self.data_samples)]

    @cached_property
    def teacher_features(self) -> Any:
        """The teacher's features of the clean images, without a gradient."""
        self._cost.add(len(self), forwards=1)
        with torch.no_grad():
            return self._teacher(self.inputs)

    @cached_property
    def clean_features(self) -> Any:
        """The student's features of the clean images."""
        self._cost.add(len(self), forwards=1, backwards=1)
        return self._student(self.inputs)

    @cached_property
    def adversarial_features(self) -> Any:
        """The student's features of the adversarial images."""
        self._cost.add(len(self), forwards=1, backwards=1)
        return self.features(self.adv)

    @cached_property
    def teacher(self) -> Tensor:
        """The teacher's embedding (B, N, D) of the clean images, without a gradient."""
        return self._fitting(self._embed(self.teacher_features))

    @cached_property
    def clean(self) -> Tensor:
        """The student's embedding (B, N, D) of the clean images."""
        return self._fitting(self._embed(self.clean_features))

    @cached_property
    def adversarial(self) -> Tensor:
        """The student's embedding (B, N, D) of the adversarial images."""
        return self._fitting(self._embed(self.adversarial_features))

    def features(self, pixels: Tensor) -> Any:
        """Return the student's features of images (B, 3, H, W) in [0, 1], for an attack that counts by itself."""
        return self._student(self._space.to_inputs(pixels))

    def embed(self, pixels: Tensor) -> Tensor:
        """Return the student's embedding of images (B, 3, H, W) in [0, 1], likewise.

        Raises:
            UserError: If teacher and student differ in width.
        """
        return self._fitting(self._embed(self.features(pixels)))

    def reference(self, head: str) -> Tensor:
        """Return what a head says of the clean images by the teacher's features, without a gradient."""
        if head not in self._said:
            with torch.no_grad():
                self._said[head] = self._heads[head](self.teacher_features)
        return self._said[head]

    def distance(self, head: str, features: Any, rows: Tensor | slice = slice(None)) -> Tensor:
        """Return how far what a head says is from what it says of the teacher's clean features, or from labels.

        Args:
            head: Its name.
            features: The student's, of some of the images.
            rows: Which these are.

        Returns:
            One number for each image, in units of the head's ``scale``; 0 for images that lack the label.

        Raises:
            UserError: If the head is held to labels, and no image of the whole batch has one for any such head.
        """
        task = self._heads[head]
        if task.labels:
            return task.loss(task(features), self._samples(rows))
        return task.distance(task(features), self.reference(head)[rows])

    def _samples(self, rows: Tensor | slice) -> list[BaseDataElement]:
        samples, names = self.data_samples or (), {head.label for head in self._heads.values() if head.labels}
        if not any(name in sample for sample in samples for name in names):
            wanted = ', '.join(sorted(names))
            raise UserError(f'model.heads want labels ({wanted}): no image of a batch of train_dataloader has one')
        places = range(len(samples))[rows] if isinstance(rows, slice) else rows.tolist()
        return [samples[place] for place in places]

    def _fitting(self, embedding: Tensor) -> Tensor:
        self._shape = self._shape or embedding.shape[1:]
        if embedding.shape[1:] != self._shape:
            reference = (len(embedding), *self._shape)
            raise UserError(
                f'teacher and student do not fit each other: embeddings {tuple(embedding.shape)}, but the reference is '
                f'{reference}'
            )
        return embedding
