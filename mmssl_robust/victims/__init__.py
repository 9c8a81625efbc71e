"""The bridge from attacks to OpenMMLab models, which attacks know nothing of.

A victim is a model together with one batch of its data. It shows the images as
pixels in [0, 1] and the model as a function of them, computed exactly as
``model.test_step`` computes the prediction that the metric sees.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from mmpretrain.models import BaseClassifier, MultiLabelClsHead
from mmseg.models import BaseSegmentor, DepthEstimator
from torch import nn

from mmssl_robust.models.heads import EmbeddingHead
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.unwrapped import unwrapped

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
    'register_victim',
]


_VICTIMS: dict[type[nn.Module], type[Victim]] = {}
_V = TypeVar('_V', bound=Victim)


def register_victim(kind: type[nn.Module]) -> Callable[[type[_V]], type[_V]]:
    """Make a victim the one of a kind of model, or of models with a kind of head; a decorator of its class.

    Args:
        kind: Class of the model, or of its ``head``, which goes before. Children have it unless they have their own.

    Raises:
        UserError: If it is no such class, what is registered no victim, or another one has it.

    Examples:
        >>> import torch
        >>> from mmpretrain.models import ImageClassifier
        >>> from mmpretrain.structures import DataSample
        >>> from mmssl_robust.victims import ClassifierVictim, build_victim, register_victim
        >>> class Regressor(ImageClassifier):
        ...     pass
        >>> @register_victim(Regressor)
        ... class RegressorVictim(ClassifierVictim):
        ...     output = 'pred_value'
        >>> model = Regressor(dict(type='mmpretrain.VGG', depth=11))
        >>> sample = DataSample(metainfo=dict(sample_idx=0))
        >>> batch = dict(inputs=[torch.zeros(3, 16, 16, dtype=torch.uint8)], data_samples=[sample])
        >>> type(build_victim(model, batch)).__name__
        'RegressorVictim'
    """
    if not isinstance(kind, type) or not issubclass(kind, nn.Module) or issubclass(nn.Module, kind):
        raise UserError(f'register_victim({kind!r}): give the class of a model or of its head')

    def register(victim: type[_V]) -> type[_V]:
        if not isinstance(victim, type) or not issubclass(victim, Victim):
            raise UserError(f'{victim!r} is no victim: make it a child of Victim, or of ClassifierVictim')
        known = _VICTIMS.get(kind)
        if known is not None and (known.__module__, known.__qualname__) != (victim.__module__, victim.__qualname__):
            raise UserError(
                f'two victims are of {kind.__name__}: {known.__name__} and {victim.__name__}: register yours for a '
                'child of that class'
            )
        _VICTIMS[kind] = victim
        return victim

    return register


for _kind, _victim in (
    (BaseClassifier, ClassifierVictim),
    (MultiLabelClsHead, MultiLabelVictim),
    (EmbeddingHead, EmbeddingVictim),
    (BaseSegmentor, SegmentorVictim),
    (DepthEstimator, DepthVictim),
):
    register_victim(_kind)(_victim)


def build_victim(model: nn.Module, data_batch: dict[str, Any], memory: str | int | None = None) -> Victim:
    """Choose the victim for a model.

    Args:
        model: Classifier of mmpretrain, segmentor or depth estimator of mmseg, or one whose kind is known by
            :func:`register_victim`; bare or wrapped by DDP.
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
    for part in (getattr(model, 'head', None), model):
        for kind in type(part).__mro__:
            if kind in _VICTIMS:
                return _VICTIMS[kind](model, data_batch, memory)
    raise UserError(
        f'cannot attack a {type(model).__name__}: use a classifier of mmpretrain, a segmentor or depth estimator of '
        'mmseg, or a model for which a victim is registered (docs/extending.md)'
    )
