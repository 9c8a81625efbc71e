"""Encoders under attack without a task: their embedding is all there is."""

from mmengine.structures import BaseDataElement
from torch import Tensor

from mmssl_robust.utils.errors import UserError

from .classifier import ClassifierVictim


class EmbeddingVictim(ClassifierVictim):
    """A classifier of mmpretrain with an ``EmbeddingHead``: images without labels, compared with themselves."""

    output = 'embedding'
    task = 'embedding'

    def check_truth(self) -> None:
        """Nothing is needed."""

    def prediction(self, pixels: Tensor) -> Tensor:  # noqa: D102
        raise UserError('images without labels have no prediction to attack: use embed-cls, embed-patch or embed-both')

    def targets(self) -> Tensor:  # noqa: D102
        raise UserError('images without labels have no ground truth: use embed-cls, embed-patch or embed-both')

    def _fresh_samples(self) -> list[BaseDataElement]:
        samples = super()._fresh_samples()
        for sample, reference in zip(samples, self.clean_embedding('both'), strict=True):
            sample.set_field(reference, 'reference')
        return samples
