"""Attacks by name, with other settings and other aims."""

import pytest

from mmssl_robust.attacks import APGD, FGSM, PGD, TargetedCrossEntropy, TargetedDepth
from mmssl_robust.engine.presets import load_preset, targeted
from mmssl_robust.registered import build_attack
from mmssl_robust.utils.errors import UserError


def test_another_norm_needs_an_eps_and_has_steps_of_its_own():
    with pytest.raises(UserError, match="norm 'l2' needs an eps of its own: 8/255 is for linf"):
        load_preset('pgd', norm='l2')
    attack = build_attack(load_preset('pgd', norm='l2', eps='0.5'))
    assert (attack.norm, attack.eps, attack.step_size) == ('l2', 0.5, 0.125)
    assert build_attack(load_preset('pgd', norm='l2', eps='0.5', step_size='0.1')).step_size == 0.1
    assert build_attack(load_preset('pgd', norm='linf', eps='4/255')).step_size == 2 / 255
    assert build_attack(load_preset('autoattack', norm='l1', eps='12')).members['apgd-ce'].stages[0] == (0.3, 3.0)


@pytest.mark.parametrize(
    ('preset', 'kind', 'objective'),
    [
        ('pgd', PGD, TargetedCrossEntropy),
        ('fgsm', FGSM, TargetedCrossEntropy),
        ('apgd', APGD, TargetedCrossEntropy),
        ('segpgd', PGD, TargetedCrossEntropy),
        ('cospgd', PGD, TargetedCrossEntropy),
        ('depthpgd', PGD, TargetedDepth),
    ],
)
def test_targeted_forms(preset, kind, objective):
    attack = build_attack(targeted(load_preset(preset)))
    assert type(attack) is kind and type(attack.objective) is objective and attack.eps == 8 / 255
    wanted = 'scale:1.5' if objective is TargetedDepth else '3'
    chosen = build_attack(targeted(load_preset(preset), wanted)).objective
    assert (chosen.factor if objective is TargetedDepth else chosen.target) in (1.5, 3)


@pytest.mark.parametrize('preset', ['autoattack', 'sea', 'depth-ensemble', 'embed', 'square'])
def test_what_has_no_targeted_form(preset):
    with pytest.raises(UserError, match='has no targeted form'):
        targeted(load_preset(preset))
