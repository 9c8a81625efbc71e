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

    Examples:
        >>> import torch
        >>> from mmengine.config import Config
        >>> from mmpretrain.registry import MODELS
        >>> from mmpretrain.structures import DataSample
        >>> from mmssl_robust.attacks import PGD, CrossEntropy
        >>> from mmssl_robust.utils.config_files import find_config
        >>> from mmssl_robust.victims import build_victim
        >>> model = MODELS.build(Config.fromfile(find_config('mini_cifar10')).model)
        >>> sample = DataSample(metainfo=dict(sample_idx=0)).set_gt_label(3)
        >>> batch = dict(inputs=[torch.full((3, 16, 16), 51, dtype=torch.uint8)], data_samples=[sample])
        >>> victim = build_victim(model, batch)  # a ClassifierVictim
        >>> result = victim.attack(PGD(CrossEntropy(), eps='4/255', steps=3))
        >>> (255 * result.adv).round().min(), (255 * result.adv).round().max()
        (tensor(47.), tensor(55.))
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
