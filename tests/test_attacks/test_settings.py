"""What a built attack says of itself."""

import json

import pytest

from mmssl_robust.attack_settings import AttackSettings, ball
from mmssl_robust.attacks import APGD, FAB, FGSM, PGD, CrossEntropy, EmbedAttack, Square, TargetedCrossEntropy
from mmssl_robust.attacks.arguments import arguments_of
from mmssl_robust.building import build_attack
from mmssl_robust.presets import load_preset, presets
from mmssl_robust.registry import ATTACKS
from mmssl_robust.utils.errors import UserError


def test_numbers_and_what_was_written():
    settings = PGD(CrossEntropy(), eps='4/255', step_size=None, steps=7, keep='last').settings
    assert (settings.attack, settings.objective, settings.reads) == ('PGD', 'CrossEntropy', 'prediction')
    assert (settings.eps, settings.step_size, settings.steps) == (4 / 255, 1 / 255, 7)
    assert settings.arguments['eps'] == '4/255' and settings.arguments['step_size'] == '1/255'
    assert settings.words() == 'linf, eps 4/255, steps 7, step size 1/255, restarts 1, keep last, seed 0'
    assert PGD(CrossEntropy(), norm='l2', eps=0.5, step_size=None).settings.words().startswith('l2, eps 0.5, steps 20')


def test_what_is_left_out_is_said():
    settings = build_attack(dict(type='PGD', objective=dict(type='CrossEntropy'))).settings
    assert settings.budget == ('linf', 8 / 255) and settings.arguments['eps'] == '8/255' and settings.restarts == 1
    assert EmbedAttack(tokens='cls').settings.arguments['tokens'] == 'cls'
    assert EmbedAttack().settings.reads == 'embedding'
    aimed = PGD(TargetedCrossEntropy(3), steps=1).settings
    assert aimed.objective_arguments == dict(target=3, ignore_index=255)
    assert aimed.words().startswith('target 3, linf, eps 8/255, steps 1')
    assert Square(CrossEntropy(), queries=12).settings.words() == (
        'linf, eps 8/255, queries 12, restarts 1, stop at success True, seed 0'
    )
    assert FGSM(CrossEntropy()).settings.words() == 'linf, eps 8/255, seed 0'


@pytest.mark.parametrize('name', sorted(presets()))
def test_json_and_back(name):
    settings = build_attack(load_preset(name)).settings
    assert AttackSettings.from_dict(json.loads(json.dumps(settings.as_dict()))) == settings


def test_members_are_said_too():
    settings = build_attack(load_preset('autoattack', norm='l2', eps='0.5')).settings
    assert list(settings.members) == ['apgd-ce', 'apgd-t', 'fab-t', 'square']
    assert settings.members['square'].arguments['queries'] == 5000
    assert settings.arguments['targets'] == 9 and settings.words() == (
        'l2, eps 0.5, steps 100, queries 5000, restarts 1, seed 0'
    )


@pytest.mark.parametrize('name', sorted({'PGD', *ATTACKS.module_dict}))
def test_arguments_are_those_that_python_takes(name):
    """Python's own word on each name that any attack has."""
    every = {argument for kind in ATTACKS.module_dict.values() for argument in arguments_of(kind)}
    kind = ATTACKS.module_dict[name]
    own = {'FAB', 'MinimalFAB', 'SegPGD', 'DepthPGD', 'AutoAttack', 'SEA', 'DepthEnsemble'}
    own |= {'EmbedAttack', 'EmbedEnsemble', 'JointAttack', 'Transfer'}
    objective = {} if name in own else {'objective': CrossEntropy()}
    for argument in every:
        try:
            kind(**objective, **{argument: '1/255' if argument in ('eps', 'step_size') else 'nonsense'})
            takes = True
        except (UserError, ValueError):
            takes = True
        except TypeError as error:
            takes = 'argument' not in str(error)
        assert takes == (argument in arguments_of(kind)), argument


def test_attributes_have_the_names_of_the_arguments():
    assert 'objective' not in arguments_of(APGD) and 'steps' not in arguments_of(Square)
    assert {'norm', 'eps', 'overshoot', 'active'} <= set(arguments_of(FAB))
    for name in presets():
        attack = build_attack(load_preset(name))
        assert set(attack.settings.arguments) == set(arguments_of(type(attack)))


def test_what_to_call_a_ball():
    assert (ball('linf', 8 / 255), ball('linf', 0.5 / 255), ball('l2', 0.5)) == ('linf-8/255', 'linf-0.5/255', 'l2-0.5')


def test_an_argument_that_an_attack_of_ones_own_does_not_keep():
    class Forgetful(PGD):
        def __init__(self, objective, power=1.0, **settings):
            super().__init__(objective, **settings)

    with pytest.raises(UserError, match='Forgetful does not keep its power, which records name: set self.power'):
        _ = Forgetful(CrossEntropy()).settings


@pytest.mark.parametrize(
    'changes',
    [
        dict(eps='8/255'),
        dict(eps=-1.0),
        dict(eps=float('nan')),
        dict(norm='l9'),
        dict(steps=[3]),
        dict(reads=3),
        dict(members=3),
        dict(other=1),
    ],
)
def test_what_no_attack_says_of_itself(changes):
    values = build_attack(dict(type='PGD', objective=dict(type='CrossEntropy'))).settings.as_dict()
    with pytest.raises((TypeError, UserError)):
        AttackSettings.from_dict(values | changes)
