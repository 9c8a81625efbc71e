"""Encoders under attack without a task: their embedding is all there is."""

from mmengine.structures import BaseDataElement
from torch import Tensor

from mmssl_robust.utils.errors import UserError

from .classifier import ClassifierVictim


class EmbeddingVictim(ClassifierVictim):
    """A classifier of mmpretrain with an ``EmbeddingHead``: images without labels, compared with themselves.

    Examples:
        >>> import torch
        >>> from mmengine.config import Config
        >>> from mmpretrain.registry import MODELS
        >>> from mmpretrain.structures import DataSample
        >>> from mmssl_robust.attacks import EmbedAttack
        >>> from mmssl_robust.utils.config_files import find_config
        >>> from mmssl_robust.victims import EmbeddingVictim
        >>> config = Config.fromfile(find_config('mini_cifar10'))
        >>> config.model.backbone.out_type, config.model.head = 'featmap_cls', dict(type='mmssl_robust.EmbeddingHead')
        >>> batch = dict(inputs=[torch.zeros(3, 16, 16)], data_samples=[DataSample(metainfo=dict(sample_idx=0))])
        >>> victim = EmbeddingVictim(MODELS.build(config.model), batch)
        >>> victim.embedding(victim.pixels, 'both').shape  # CLS and 2 x 2 patches
        torch.Size([1, 5, 192])
        >>> victim.attack(EmbedAttack('both', steps=1)).norm <= 8 / 255 + 1e-6
        tensor([True])
    """

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
