"""Classifiers of mmpretrain under attack."""

from typing import Any

import torch
from torch import Tensor

from mmssl_robust.utils.errors import UserError

from .base import Victim


class ClassifierVictim(Victim):
    """A classifier of mmpretrain: logits (B, K), targets (B,), CLS token or pooled features."""

    output = 'pred_score'
    task_tokens = 'cls'
    task = 'classification'

    def prediction(self, pixels: Tensor) -> Tensor:  # noqa: D102
        return self.model(self.normalise(pixels), mode='tensor')

    def targets(self) -> Tensor:  # noqa: D102
        labels = torch.cat([sample.gt_label for sample in self.data_samples])
        if len(labels) != len(self.data_samples):
            raise UserError('an image has no label or more than one: only single-label data can be attacked')
        return labels.to(self.inputs.device)

    def _features(self, inputs: Tensor) -> Any:
        return self.model.extract_feat(inputs, stage='neck')
