"""Filling the bank of a head."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from toys import CLASSES, backbone_cfg, build, classifier_cfg, loader_cfg, write_classification

from mmssl_robust.evaluation.bank import bank_loader, fill_bank
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError


@pytest.fixture
def cfg(tmp_path):
    """Config of a tiny k-NN classifier whose bank is what `write_classification` wrote."""
    write_classification(tmp_path / 'bank')
    pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
    dataset = dict(type='CustomDataset', data_root=str(tmp_path / 'bank'), pipeline=pipeline)
    model = classifier_cfg() | dict(head=dict(type='mmssl_robust.KNNHead', num_classes=CLASSES))
    return Config(dict(default_scope='mmpretrain', model=model, bank_dataloader=loader_cfg(dataset, 5)))


def test_the_bank_holds_the_features_of_its_images(cfg):
    model = build(cfg.model)
    model.train()
    loader = bank_loader(model, cfg)
    fill_bank(model, loader)
    assert model.head.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert model.training and not model.head.features.requires_grad
    model.eval()
    for place in (0, 7):
        sample = loader.dataset[place]
        data = model.data_preprocessor({name: [value] for name, value in sample.items()}, False)
        (feature,) = model.extract_feat(data['inputs'])[-1]
        torch.testing.assert_close(model.head.features[place], feature / feature.norm(), rtol=1e-4, atol=1e-5)
    fill_bank(model, loader)  # again, as for an encoder in training
    assert len(model.head.labels) == 12
    fill_bank(model, bank_loader(model, cfg, max_images=4))
    assert len(model.head.labels) == 4


def test_images_of_several_sizes_do_not_depend_on_their_neighbours(cfg, tmp_path):
    cv2.imwrite(str(tmp_path / 'bank/class0/1.png'), np.full((24, 16, 3), 7, np.uint8))
    model = build(cfg.model)
    fill_bank(model, bank_loader(model, cfg))
    together = model.head.features
    cfg.bank_dataloader.batch_size = 1
    fill_bank(model, bank_loader(model, cfg))
    torch.testing.assert_close(model.head.features, together)


def test_other_heads_need_no_bank(cfg):
    model = MODELS.build(classifier_cfg())
    assert bank_loader(model, cfg) is None
    fill_bank(model, None)
    assert bank_loader(MODELS.build(backbone_cfg('cls_token')), cfg) is None


def test_what_is_missing_or_damaged(cfg, tmp_path):
    model = build(cfg.model)
    (tmp_path / 'bank/class1/0.png').write_bytes(b'broken')
    with pytest.raises(UserError, match=r'the bank must be whole: cannot read .*class1/0\.png'):
        fill_bank(model, bank_loader(model, cfg))
    with pytest.raises(UserError, match='no bank_dataloader: say which images fill the bank of its KNNHead'):
        bank_loader(model, Config(dict(model=cfg.model)))
    model.head.num_classes = 3
    with pytest.raises(UserError, match='4 classes, the model 3'):
        bank_loader(model, cfg)
