"""Configs whose head is a bank: gallery and queries go through the same pipeline."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, MODELS, init_default_scope

from mmssl_robust.models.heads import BankHead

NAMES = ['probes/mini_cifar10_knn', 'retrieval/mini_cifar10_retrieval', 'retrieval/dino_vitb16_cifar10_retrieval']


@pytest.mark.parametrize('name', NAMES)
def test_the_gallery_is_the_training_set_seen_as_the_queries_are(name, config, full_data, data_root, monkeypatch):
    monkeypatch.setenv('DATA_ROOT', str(data_root if 'mini' in name else full_data))
    cfg = Config.fromfile(config(f'{name}.py'))
    init_default_scope(cfg.default_scope)
    bank, test = (cfg[f'{part}_dataloader'].dataset for part in ('bank', 'test'))
    differing = {key for key in {*bank, *test} if bank.get(key) != test.get(key)}
    assert differing == {'data_prefix'} or differing == {'split'}
    assert not cfg.train_dataloader and not cfg.bank_dataloader.sampler.shuffle
    with torch.device('meta'):
        model = MODELS.build(copy.deepcopy(cfg.model))
    assert isinstance(model.head, BankHead)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    batch = model.to('meta').data_preprocessor(pseudo_collate([DATASETS.build(bank)[0]]))
    assert model.extract_feat(batch['inputs'])[-1].shape == (1, cfg.embed_dims)
