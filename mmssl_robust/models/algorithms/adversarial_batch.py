"""What a method of adversarial training states its losses from."""

from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmssl_robust.attacks import Perturbation
from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.utils.errors import UserError

from .cost import Cost

Encoder = Callable[[Tensor], Tensor]


class AdversarialBatch:
    """Clean images, adversarial ones made from them, and their embeddings.

    An embedding is computed when it is first asked for, and counted then: a method pays for what its losses read.

    Args:
        inputs: Normalised clean images (B, 3, H, W).
        data_samples: What is known of each, such as labels; None for nothing.
        space: Between ``inputs`` and pixels.
        student: From normalised images to their embedding.
        teacher: Likewise.
        cost: Where forwards and backwards are counted.

    Attributes:
        perturbation: What the inner attack has made of the images; set when it is done.
    """

    perturbation: Perturbation

    def __init__(
        self,
        inputs: Tensor,
        data_samples: Sequence[BaseDataElement] | None,
        space: PixelSpace,
        student: Encoder,
        teacher: Encoder,
        cost: Cost,
    ) -> None:
        self.inputs = inputs
        self.data_samples = data_samples
        self._space = space
        self._student = student
        self._teacher = teacher
        self._cost = cost
        self._shape: torch.Size | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def pixels(self) -> Tensor:
        """The clean images (B, 3, H, W) in [0, 1]."""
        return self._space.to_pixels(self.inputs)

    @property
    def keys(self) -> list[int] | None:
        """The ``sample_idx`` of each image, from which its noise follows in any batch and number of processes."""
        if self.data_samples is None:
            return None
        return [int(sample.get('sample_idx', row)) for row, sample in enumerate(self.data_samples)]

    @cached_property
    def teacher(self) -> Tensor:
        """The teacher's embedding (B, N, D) of the clean images, without a gradient."""
        self._cost.add(len(self), forwards=1)
        with torch.no_grad():
            return self._fitting(self._teacher(self.inputs))

    @cached_property
    def clean(self) -> Tensor:
        """The student's embedding (B, N, D) of the clean images."""
        self._cost.add(len(self), forwards=1, backwards=1)
        return self._fitting(self._student(self.inputs))

    @cached_property
    def adversarial(self) -> Tensor:
        """The student's embedding (B, N, D) of the adversarial images."""
        self._cost.add(len(self), forwards=1, backwards=1)
        return self.embed(self.perturbation.adv)

    def embed(self, pixels: Tensor) -> Tensor:
        """Return the student's embedding of images (B, 3, H, W) in [0, 1], for an attack that counts by itself.

        Raises:
            UserError: If teacher and student differ in width.
        """
        return self._fitting(self._student(self._space.to_inputs(pixels)))

    def _fitting(self, embedding: Tensor) -> Tensor:
        self._shape = self._shape or embedding.shape[1:]
        if embedding.shape[1:] != self._shape:
            reference = (len(embedding), *self._shape)
            raise UserError(
                f'teacher and student do not fit each other: embeddings {tuple(embedding.shape)}, but the reference is '
                f'{reference}'
            )
        return embedding
