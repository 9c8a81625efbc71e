"""Classifiers of mmpretrain under attack."""

from typing import Any

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmssl_robust.tasks.multi_label import labels_of
from mmssl_robust.utils.data_check import LABELS, no_label
from mmssl_robust.utils.errors import UserError

from .base import Victim
from .batch import name_of


class ClassifierVictim(Victim):
    """A classifier of mmpretrain: logits (B, K), targets (B,), CLS token or pooled features.

    Examples:
        >>> import torch
        >>> from mmengine.config import Config
        >>> from mmpretrain.registry import MODELS
        >>> from mmpretrain.structures import DataSample
        >>> from mmssl_robust.utils.config_files import find_config
        >>> from mmssl_robust.victims import ClassifierVictim
        >>> model = MODELS.build(Config.fromfile(find_config('mini_cifar10')).model)
        >>> sample = DataSample(metainfo=dict(sample_idx=0)).set_gt_label(3)
        >>> batch = dict(inputs=[torch.full((3, 16, 16), 51, dtype=torch.uint8)], data_samples=[sample])
        >>> victim = ClassifierVictim(model, batch)
        >>> victim.pixels.unique(), victim.targets()
        (tensor([0.2000]), tensor([3]))
        >>> victim.prediction(victim.pixels).shape, victim.embedding(victim.pixels).shape
        (torch.Size([1, 10]), torch.Size([1, 1, 192]))
    """

    output = 'pred_score'
    task_tokens = 'cls'
    task = 'classification'

    def prediction(self, pixels: Tensor) -> Tensor:  # noqa: D102
        return self.model(self.normalise(pixels), mode='tensor')

    def check_truth(self) -> None:  # noqa: D102
        classes = getattr(getattr(self.model, 'head', None), 'num_classes', None)
        for sample in self.data_samples:
            if not any(name in sample for name in LABELS):
                raise UserError(no_label(sample))
            labels = sample.gt_label.tolist() if 'gt_label' in sample else []
            if classes and any(not 0 <= label < classes for label in labels):
                raise UserError(
                    f'{name_of(sample)} has the label {max(labels)}, but the model has {classes} classes: '
                    'change num_classes of its head, or the label'
                )

    def targets(self) -> Tensor:  # noqa: D102
        self.check_truth()
        labels = torch.cat([sample.gt_label for sample in self.data_samples])
        if len(labels) != len(self.data_samples):
            raise UserError(
                'an image has no label or more than one: that needs a head for it, such as MultiLabelLinearClsHead'
            )
        return labels.to(self.inputs.device)

    def _features(self, inputs: Tensor) -> Any:
        return self.model.extract_feat(inputs, stage='neck')


class MultiLabelVictim(ClassifierVictim):
    """A classifier of mmpretrain with a head for several labels: targets (B, K) of 1, 0 and -1.

    Examples:
        >>> import torch
        >>> from mmengine.config import Config
        >>> from mmpretrain.registry import MODELS
        >>> from mmpretrain.structures import DataSample
        >>> from mmssl_robust.utils.config_files import find_config
        >>> from mmssl_robust.victims import MultiLabelVictim
        >>> model = MODELS.build(Config.fromfile(find_config('mini_camvid_classes')).model)
        >>> sample = DataSample(metainfo=dict(sample_idx=0)).set_gt_label([0, 2])
        >>> batch = dict(inputs=[torch.zeros(3, 16, 16)], data_samples=[sample])
        >>> MultiLabelVictim(model, batch).targets()
        tensor([[1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]])
    """

    task = 'multi-label'

    def targets(self) -> Tensor:  # noqa: D102
        self.check_truth()
        labels = [labels_of(sample, self._classes(sample)) for sample in self.data_samples]
        return torch.tensor(labels, device=self.inputs.device)

    def _classes(self, sample: BaseDataElement) -> int:
        classes = getattr(self.model.head, 'num_classes', None) or len(sample.get('gt_score', ()))
        if not classes:
            head = type(self.model.head).__name__
            raise UserError(f'a {head} does not say how many classes it has: give its samples gt_score, not gt_label')
        return classes
