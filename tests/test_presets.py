"""Attacks by name, with other settings and other aims."""

import pytest
import torch

from mmssl_robust.attacks import APGD, FGSM, PGD, CrossEntropy, Ensemble, SegPGD, TargetedCrossEntropy, TargetedDepth
from mmssl_robust.building import build_attack
from mmssl_robust.presets import changed, changed_all, check_names, load_preset, load_presets, swept
from mmssl_robust.registry import ATTACKS
from mmssl_robust.targeted import targeted
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


def test_the_targeted_form_of_an_optimiser_of_ones_own_is_that_optimiser():
    @ATTACKS.register_module()
    class Own(PGD):
        pass

    try:
        attack = dict(type='Own', objective=dict(type='CrossEntropy'), momentum=0.5)
        found = build_attack(targeted(attack, 3))
        assert type(found) is Own and found.objective.target == 3 and found.momentum == 0.5
    finally:
        del ATTACKS.module_dict['Own']


def test_several_by_name_and_by_path(tmp_path):
    (tmp_path / 'own.py').write_text("attack = dict(type='FGSM', objective=dict(type='CrossEntropy'))")
    assert list(load_presets(['pgd', 'own.py'], tmp_path)) == ['pgd', 'own']
    found = load_presets(dict(weak=dict(preset='own.py', eps='1/255'), pgd=dict(steps=1)), tmp_path)
    assert found['weak']['eps'] == '1/255' and found['weak']['type'] == 'FGSM' and found['pgd']['steps'] == 1


@pytest.mark.parametrize('preset', ['autoattack', 'sea', 'depth-ensemble', 'embed', 'square'])
def test_what_has_no_targeted_form(preset):
    with pytest.raises(UserError, match='has no targeted form'):
        targeted(load_preset(preset))


@pytest.mark.parametrize(
    ('names', 'changes', 'having'),
    [
        (['autoattack'], dict(restarts=5), ['autoattack']),
        (['pgd', 'autoattack'], dict(restarts=2), ['pgd', 'autoattack']),
        (['fgsm', 'pgd'], dict(steps=3), ['pgd']),
        (['fgsm', 'pgd'], dict(step_size='1/255'), ['pgd']),
        (['pgd', 'square'], dict(queries=12), ['square']),
        (['pgd', 'square'], dict(steps=3), ['pgd']),
        (['sea', 'segpgd'], dict(keep='last'), ['segpgd']),
        (['fgsm', 'pgd', 'sea'], dict(norm='l2', eps='0.5'), ['fgsm', 'pgd', 'sea']),
    ],
)
def test_a_setting_is_for_the_attacks_that_have_it(names, changes, having):
    attacks = {name: load_preset(name) for name in names}
    found = changed_all(attacks, changes)
    for name in names:
        build_attack(found[name])
        assert all((found[name].get(key) == value) == (name in having) for key, value in changes.items())


def test_a_setting_that_no_attack_has_is_refused():
    for name, key in (('autoattack', 'keep'), ('square', 'steps'), ('fgsm', 'step_size')):
        with pytest.raises(UserError, match=f'^{key} is no setting of {name}: leave it out') as caught:
            changed_all({name: load_preset(name)}, {key: 'last' if key == 'keep' else 3})
        assert '\n' not in str(caught.value)
    with pytest.raises(UserError, match='unknown keep'):  # which it has
        build_attack(changed_all({'pgd': load_preset('pgd')}, dict(keep='worst'))['pgd'])


def test_restarts_of_autoattack_are_those_of_its_untargeted_members():
    members = build_attack(load_preset('autoattack', restarts=5, targets=3)).members
    assert {name: member.restarts for name, member in members.items()} == {
        'apgd-ce': 5,
        'apgd-t': 3,
        'fab-t': 3,
        'square': 5,
    }


def test_a_targeted_form_keeps_what_counts():
    objective = build_attack(targeted(load_preset('segpgd', ignore_index=7), '1')).objective
    assert (objective.ignore_index, objective.target) == (7, 1)
    cospgd = load_preset('cospgd')
    cospgd['objective']['ignore_index'] = 7
    assert build_attack(targeted(cospgd)).objective.ignore_index == 7
    objective = build_attack(targeted(load_preset('depthpgd', min_depth=0.5, max_depth=80.0))).objective
    assert (objective.min_depth, objective.max_depth) == (0.5, 80)
    scaled = TargetedDepth('scale:0.1', min_depth=0.5).prepare(lambda x: x, torch.full((1, 1, 2, 2), 2.0), None)
    assert scaled.eq(0.5).all()


def test_no_object_can_be_removed_by_name():
    with pytest.raises(UserError, match='mask of an object') as caught:
        targeted(load_preset('depthpgd'), 'remove')
    assert '\n' not in str(caught.value)


def test_a_sweep_is_over_numbers_and_runs_nothing_twice_nor_in_place_of_something_else():
    pgd = dict(pgd=load_preset('pgd'))
    assert list(swept(pgd, dict(eps=['4/255', 4 / 255, '8/255']))) == ['pgd-eps-4of255']
    assert list(swept(pgd, dict(step_size=['2/255', '1/255']))) == ['pgd-step_size-1of255']
    for axis, values in (('active', [4]), ('random_start', [False]), ('keep', ['last'])):
        with pytest.raises(UserError, match=f'sweeps.{axis}'):
            swept(pgd, {axis: values})
    with pytest.raises(UserError, match="an attack is named 'pgd-steps-5', as is one of the sweep over steps"):
        swept(pgd | {'pgd-steps-5': load_preset('pgd', restarts=7)}, dict(steps=[5]))


@pytest.mark.parametrize('name', ['clean', 'worst', 'worst-linf-8/255', 'worst case'])
def test_names_of_results_are_no_names_of_attacks(name):
    with pytest.raises(UserError, match='rename it'):
        check_names(['pgd', name])
    check_names(['pgd', 'worst_of_two', 'worstcase', 'cleaner'])


def test_attacks_that_set_their_eps_themselves_join_ensembles_and_refuse_another_norm():
    @ATTACKS.register_module(force=True)
    class FixedBall(PGD):
        FIXED = ('eps',)

        def __init__(self, objective, **settings):
            super().__init__(objective, eps='3/255', **settings)

    try:
        cfg = dict(type='FixedBall', objective=dict(type='CrossEntropy'))
        with pytest.raises(UserError, match='3/255 is for linf'):
            changed(cfg, dict(norm='l2'))
        assert Ensemble(dict(one=build_attack(cfg))).settings.eps == 3 / 255
    finally:
        ATTACKS.module_dict.pop('FixedBall')


def test_settings_of_ones_own_are_said():
    @ATTACKS.register_module(force=True)
    class Reaching(PGD):
        def __init__(self, objective, reach='1/255', **settings):
            super().__init__(objective, **settings)
            self.reach = reach

    try:
        cfg = dict(type='Reaching', objective=dict(type='CrossEntropy'))
        assert 'reach 2/255' in build_attack(cfg | dict(reach='2/255')).settings.words()
        (place,) = (place for _, place in swept(dict(own=cfg), dict(reach=['2/255'])).values())
        assert place.value == 2 / 255
    finally:
        ATTACKS.module_dict.pop('Reaching')
    assert 'samples 3' in PGD(CrossEntropy(), eot_samples=3).settings.words()
    assert 'samples' not in PGD(CrossEntropy()).settings.words()


def test_a_child_of_an_attack_with_an_objective_of_its_own_is_not_replaced_by_plain_pgd():
    @ATTACKS.register_module(force=True)
    class MySegPGD(SegPGD):
        pass

    try:
        with pytest.raises(UserError, match='MySegPGD has no targeted form'):
            targeted(dict(type='MySegPGD'))
    finally:
        ATTACKS.module_dict.pop('MySegPGD')


def test_a_task_without_a_targeted_form_is_named():
    with pytest.raises(UserError, match='no targeted form for multi-label'):
        targeted(load_preset('multilabel-pgd'))
