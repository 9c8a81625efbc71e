"""A head is trained on an encoder that stays as it is; whoever wants more says so."""

import copy

import pytest
import torch
from mmpretrain.models import ImageClassifier, VisionTransformer
from torch import nn
from toys import classifier_cfg, method

from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.probe import freeze, prepare_for_training

HEAD = dict(type='LinearClsHead', num_classes=2, in_channels=8)
BACKBONES = {
    'timm': dict(type='TIMMBackbone', model_name='resnet10t', num_classes=0, drop_path_rate=0.5),
    'mmpretrain': dict(type='ResNet', depth=18),
    'ours': dict(type='mmssl_robust.DINOVisionTransformer', arch='dino_vits16'),
}


@pytest.mark.parametrize('name', BACKBONES)
def test_a_probe_freezes_any_encoder(name):
    model = ImageClassifier(backbone=BACKBONES[name], head=HEAD)
    prepare_for_training(model, finetune=False)
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    model.train()
    assert model.head.training and all(parameter.requires_grad for parameter in model.head.parameters())
    assert not any(module.training for module in model.backbone.modules())
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())
    first, second = (model.backbone(torch.ones(2, 3, 32, 32))[-1] for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    torch.testing.assert_close(dict(model.backbone.state_dict()), before, rtol=0, atol=0)


def test_finetuning_leaves_it_free():
    model = MODELS.build(classifier_cfg())
    prepare_for_training(model, finetune=True)
    model.train()
    assert all(module.training for module in model.backbone.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_finetuning_a_frozen_encoder_is_a_contradiction():
    cfg = classifier_cfg()
    cfg['backbone'] = cfg['backbone'] | dict(frozen=True)
    with pytest.raises(UserError, match='finetune=True, but the encoder is frozen by its own settings'):
        prepare_for_training(MODELS.build(cfg), finetune=True)


def test_methods_that_train_encoders_stay_as_they_are():
    model = method()
    prepare_for_training(model, finetune=False)
    assert all(parameter.requires_grad for parameter in model.backbone.parameters())


def test_a_copy_freezes_itself():
    encoder = nn.Sequential(nn.BatchNorm1d(2))
    freeze(encoder)
    twin = copy.deepcopy(encoder)
    twin[0].training = True
    twin.train()
    assert not twin[0].training and twin.train.__self__ is twin


def test_encoders_whose_train_returns_nothing():
    encoder = VisionTransformer('deit-t', img_size=32)
    freeze(encoder)
    assert encoder.train() is encoder and not encoder.training
