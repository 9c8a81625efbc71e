"""Corruptions in the place of attacks."""

import pytest
import torch

from mmssl_robust.attacks import Corruption, Corruptions, CrossEntropy
from mmssl_robust.building import build_attack
from mmssl_robust.corruptions import COMMON, corrupted
from mmssl_robust.presets import load_preset, swept
from mmssl_robust.targeted import targeted
from mmssl_robust.utils.errors import UserError

INPUTS = torch.randint(0, 256, (3, 3, 20, 24), generator=torch.Generator().manual_seed(0)).float() / 255


def embed(inputs):
    return inputs.mean(dim=(2, 3))[:, None]


def test_the_images_are_the_corrupted_ones_in_any_batch():
    attack = Corruption('crop', 4, seed=2)
    found = attack(embed, INPUTS, keys=[5, 6, 7])
    for place, key in enumerate((5, 6, 7)):
        assert torch.equal(found.adv[place], corrupted(INPUTS[place], 'crop', 4, 2, key))
    distance = (embed(found.adv) - embed(INPUTS)).flatten(1).norm(dim=1)
    assert torch.allclose(found.loss, distance) and torch.allclose(found.score, -distance)
    alone = attack(embed, INPUTS[1:2], keys=[6])
    assert torch.equal(alone.adv[0], found.adv[1]) and not found.backwards.any()


def test_padding_stays():
    mask = torch.zeros(3, 1, 20, 24)
    mask[0, :, :12, :9] = mask[1:, :, :, :20] = 1
    found = Corruption('crop', 5)(embed, INPUTS, mask=mask)
    assert torch.equal(found.adv * (1 - mask), INPUTS * (1 - mask))
    assert torch.equal(found.adv[0, :, :12, :9], corrupted(INPUTS[0, :, :12, :9], 'crop', 5, 0, 0))


def test_what_they_say_of_themselves():
    attack = build_attack(load_preset('edits', severity=2))
    settings = attack.settings
    assert settings.kind == 'corruption' and not settings.in_a_ball and settings.averages
    assert settings.words() == 'seed 0, severity 2' and settings.budget_words() == 'severity 2'
    assert list(settings.members) == settings.arguments['names'] == ['jpeg', 'lighten', 'darken', 'crop']
    assert settings.members['crop'].words() == 'seed 0, name crop, severity 2'
    assert attack.moves_pixels and not build_attack(load_preset('edits-in-place')).moves_pixels
    assert tuple(build_attack(load_preset('corruptions')).members) == COMMON
    other = Corruption('jpeg', objective=CrossEntropy())
    assert other.settings.reads == 'prediction' and settings.reads == 'embedding'


def test_a_sweep_over_severities():
    found = swept(dict(edits=load_preset('edits')), dict(severity=[1, 3, 5]))
    assert {name: sweep.value for name, (_, sweep) in found.items()} == {'edits-severity-1': 1, 'edits-severity-5': 5}


def test_what_is_refused():
    with pytest.raises(UserError, match='name at least one corruption, and each once'):
        Corruptions(names=['jpeg', 'jpeg'])
    with pytest.raises(UserError, match='name at least one'):
        Corruptions(names=[])
    with pytest.raises(UserError, match='eps is no setting of mmssl_robust.Corruptions'):
        load_preset('edits', eps='1/255')
    with pytest.raises(UserError, match='has no targeted form'):
        targeted(load_preset('edits'))
