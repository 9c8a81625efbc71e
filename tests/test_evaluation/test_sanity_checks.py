"""Sanity checks on OpenMMLab models."""

import pytest
import torch
from mmengine.config import ConfigDict
from toys import backbone_cfg, build, classification_batch, classifier_cfg

from mmssl_robust.attacks import PGD, AutoAttack, CrossEntropy
from mmssl_robust.datasets.tolerant import tolerant_collate
from mmssl_robust.evaluation import sanity_checks
from mmssl_robust.utils.errors import UserError


def test_the_other_encoder_has_its_weights(tmp_path):
    model, rival = build(classifier_cfg()), build(classifier_cfg())
    with torch.no_grad():
        rival.backbone.vit.norm.bias.add_(1)
    torch.save(rival.state_dict(), tmp_path / 'rival.pth')
    other = sanity_checks.with_encoder(model, ConfigDict(backbone_cfg('cls_token')), str(tmp_path / 'rival.pth'))
    assert other.backbone is not model.backbone and other.head is not model.head
    for name, value in other.backbone.state_dict().items():
        assert torch.equal(value, rival.backbone.state_dict()[name])
    assert not torch.equal(model.backbone.vit.norm.bias, rival.backbone.vit.norm.bias)
    with pytest.raises(UserError, match='missing.pth'):
        sanity_checks.with_encoder(model, ConfigDict(backbone_cfg('cls_token')), str(tmp_path / 'missing.pth'))


def test_images_are_spread_and_members_are_checked(monkeypatch):
    samples = [classification_batch((16, 16), first=index) for index in range(10)]
    items = [{key: values[0] for key, values in sample.items()} for sample in samples]
    data = type('Data', (list,), dict(indices=range(10)))(items)
    seen, check = [], sanity_checks.check_attacks

    def spy(model, batches, attacks, **settings):
        seen.extend([sample.sample_idx for sample in batch['data_samples']] for batch in batches)
        return check(model, batches, attacks, **settings)

    monkeypatch.setattr(sanity_checks, 'check_attacks', spy)
    attacks = dict(auto=AutoAttack(eps=0.01, steps=2, queries=3, targets=1), own=PGD(CrossEntropy(), steps=1))
    found = sanity_checks.check_on_few(build(classifier_cfg()), data, attacks, 4, batch_size=3, queries=2)
    assert seen == [[0, 2, 5], [7]]
    assert list(found) == ['auto/apgd-ce', 'auto/apgd-t', 'auto/fab-t', 'auto/square', 'own']
    assert all(found.values())


def test_processes_share_the_work(monkeypatch):
    """Two processes check what one checks."""
    model, attack = build(classifier_cfg()), PGD(CrossEntropy(), eps=0.01, steps=2)
    attacks = dict(one=attack, two=attack, three=attack)

    def batches():
        for index in range(2):
            batch = classification_batch((16, 16), first=index)
            yield tolerant_collate([{key: values[0] for key, values in batch.items()}])

    def of(rank, processes, others=()):
        parts = []
        monkeypatch.setattr(sanity_checks, 'get_rank', lambda: rank)
        monkeypatch.setattr(sanity_checks, 'get_world_size', lambda: processes)
        monkeypatch.setattr(sanity_checks, 'all_gather_object', lambda found: parts.append(found) or [*others, found])
        return sanity_checks.check_attacks(model, list(batches()), attacks, queries=2), parts[0]

    whole, _ = of(0, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sanity_checks, 'checks_of', lambda found: found)
        _, first = of(0, 2)
    both, second = of(1, 2, [first])
    assert both == whole
    assert [len(parts) for parts in first.values()] == [len(parts) for parts in second.values()] == [1, 1, 1]
