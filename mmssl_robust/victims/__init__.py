"""The bridge from attacks to OpenMMLab models, which attacks know nothing of.

A victim is a model together with one batch of its data. It shows the images as
pixels in [0, 1] and the model as a function of them, computed exactly as
``model.test_step`` computes the prediction that the metric sees.
"""

from typing import Any

import torch
from mmpretrain.models import BaseClassifier, MultiLabelClsHead
from mmseg.models import BaseSegmentor, DepthEstimator
from torch import nn

from mmssl_robust.models.heads import EmbeddingHead
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.unwrapped import unwrapped
from mmssl_robust.victims.budget import memory_budget

from .base import Victim
from .classifier import ClassifierVictim, MultiLabelVictim
from .dense import DepthVictim, SegmentorVictim
from .embedding import EmbeddingVictim

__all__ = [
    'ClassifierVictim',
    'DepthVictim',
    'EmbeddingVictim',
    'MultiLabelVictim',
    'SegmentorVictim',
    'Victim',
    'build_victim',
]


def build_victim(model: nn.Module, data_batch: dict[str, Any], memory: str | int | None = None) -> Victim:
    """Choose the victim for a model.

    Args:
        model: Classifier of mmpretrain, segmentor or depth estimator of mmseg, bare or wrapped by DDP.
        data_batch: What the data loader gives: ``inputs``, images (3, H, W) in
            0..255, and ``data_samples``.
        memory: For the activations that a dense gradient keeps, see
            :func:`~mmssl_robust.victims.budget.memory_budget`.

    Raises:
        UserError: If the model or the batch is of a kind that cannot be attacked.
    """
    model = unwrapped(model)
    if isinstance(model, BaseClassifier):
        return _of_head(getattr(model, 'head', None))(model, data_batch)
    for kind, victim in (
        (DepthEstimator, DepthVictim),
        (BaseSegmentor, SegmentorVictim),
    ):
        if isinstance(model, kind):
            return victim(model, data_batch, memory_budget(memory, _device_of(model)))
    raise UserError(
        f'cannot attack a {type(model).__name__}: use a classifier of mmpretrain, '
        'or a segmentor or depth estimator of mmseg'
    )


def _of_head(head: nn.Module | None) -> type[ClassifierVictim]:
    kinds = ((MultiLabelClsHead, MultiLabelVictim), (EmbeddingHead, EmbeddingVictim))
    return next((victim for kind, victim in kinds if isinstance(head, kind)), ClassifierVictim)


def _device_of(model: nn.Module) -> torch.device:
    """Where a model's parameters are; the CPU if it has none."""
    parameter = next(model.parameters(), None)
    return torch.device('cpu') if parameter is None else parameter.device
