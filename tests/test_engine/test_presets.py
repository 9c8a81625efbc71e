import pytest

from mmssl_robust.attacks import PGD
from mmssl_robust.engine.presets import load_preset, presets
from mmssl_robust.registered import build_attack
from mmssl_robust.utils.errors import UserError


@pytest.mark.parametrize('name', ['pgd', 'embed', 'segpgd', 'depthpgd'])
def test_presets_are_the_papers_attacks(name):
    attack = build_attack(load_preset(name))
    assert isinstance(attack, PGD)
    assert (attack.norm, attack.eps, attack.step_size, attack.steps) == ('linf', 8 / 255, 2 / 255, 20)
    assert attack.random_start


def test_changes():
    attack = load_preset('pgd', eps='4/255', steps=None)
    assert attack['eps'] == '4/255' and attack['steps'] == 20


def test_unknown_name_lists_the_known():
    with pytest.raises(UserError, match="unknown attack 'fgsm': use one of depthpgd, embed, pgd, segpgd"):
        load_preset('fgsm')
    assert list(presets()) == sorted(presets())
