"""Attacks from configs."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmssl_robust.attacks import PGD, CrossEntropy, DepthLoss, EmbeddingDistance, SegPGDLoss, objectives
from mmssl_robust.building import build_attack
from mmssl_robust.registry import OBJECTIVES
from mmssl_robust.utils.errors import UserError

PRESETS = Path(__file__).parents[2] / 'configs/_base_/attacks'


@pytest.mark.parametrize(
    ('preset', 'objective'),
    [('pgd', CrossEntropy), ('embed', EmbeddingDistance), ('segpgd', SegPGDLoss), ('depthpgd', DepthLoss)],
)
def test_presets_are_the_papers(preset, objective):
    attack = build_attack(Config.fromfile(PRESETS / f'{preset}.py').attack)
    assert isinstance(attack, PGD)
    assert type(attack.objective) is objective
    assert attack.norm == 'linf'
    assert attack.eps == 8 / 255
    assert attack.step_size == 2 / 255
    assert (attack.steps, attack.restarts, attack.random_start) == (20, 1, True)


def test_presets_of_strong_attacks():
    attacks = {path.stem: build_attack(Config.fromfile(path).attack) for path in PRESETS.glob('*.py')}
    paper = {'pgd', 'embed', 'segpgd', 'depthpgd'}
    strong = {'fgsm', 'apgd', 'cospgd', 'square', 'autoattack', 'sea', 'depth-ensemble'}
    strong |= {'multilabel-pgd', 'multilabel-apgd', 'embed-directions', 'embed-ensemble'}
    embedding = {'embed-cls', 'embed-patch', 'embed-both'}
    embedding |= {'embed-transfer'}
    others = {name for name, attack in attacks.items() if attack.kind != 'image'}
    assert attacks.keys() - others == paper | strong | embedding
    assert {'patch', 'patch-embed', 'minimal', 'minimal-embed', 'minimal-fab', 'corruptions', 'edits'} <= others
    assert {'joint', 'transfer', 'universal'} <= others
    for attack in (attacks[name] for name in attacks.keys() - others):
        assert (attack.norm, attack.eps, attack.seed) == ('linf', 8 / 255, 0)
    assert [type(attacks[name]).__name__ for name in ('autoattack', 'sea', 'depth-ensemble')] == [
        'AutoAttack', 'SEA', 'DepthEnsemble',
    ]  # fmt: skip
    # The published budgets: 100 steps, 9 classes, 5000 queries; 300 steps for each of SEA's losses.
    standard = attacks['autoattack'].members
    assert [standard[name].steps for name in ('apgd-ce', 'apgd-t', 'fab-t', 'square')] == [100, 100, 100, 5000]
    assert standard['apgd-t'].restarts == standard['fab-t'].restarts == 9
    assert {attack.steps for attack in attacks['sea'].members.values()} == {300}


def test_an_objective_is_named_in_one_list():
    parts = [getattr(objectives, name) for name in objectives.__all__]
    own = {part for part in parts if isinstance(part, type) and issubclass(part, objectives.Objective)}
    # What a training method alone attacks is with that method.
    registered = {part for part in OBJECTIVES.module_dict.values() if '.models.' not in part.__module__}
    assert own - {objectives.Objective} == registered


def test_config_is_left_as_it_was():
    cfg = dict(type='PGD', objective=dict(type='mmssl_robust.SegPGDLoss', ignore_index=0), steps=3)
    attack = build_attack(cfg)
    assert attack.objective.ignore_index == 0
    assert cfg == dict(type='PGD', objective=dict(type='mmssl_robust.SegPGDLoss', ignore_index=0), steps=3)


@pytest.mark.parametrize(
    ('cfg', 'says'),
    [
        (
            dict(type='mmssl_robust.BIM'),
            "'BIM': use one of APGD, AutoAttack, .*DepthEnsemble, DepthPGD, EmbedAttack, EmbedEnsemble, FAB",
        ),
        (dict(type='os.system'), "'os.system': use one of"),
        (dict(), 'unknown attack'),
        (
            dict(type='PGD', objective=dict(type='Hinge')),
            "'Hinge': use one of .*CrossEntropy, DLR, DepthAbsRel, DepthLoss",
        ),
        (dict(type='PGD', objective=dict(type='SegPGDLoss', ignore=0)), "SegPGDLoss.*'ignore'"),
        (dict(type='PGD'), "'objective'"),
        (dict(type='SegPGD', step=3), "SegPGD.*'step'"),
        (dict(type='SegPGD', eps=8), 'above 1'),
    ],
)
def test_mistakes(cfg, says):
    with pytest.raises(UserError, match=says) as error:
        build_attack(cfg)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'setting',
    [
        dict(steps=True), dict(steps='3'), dict(steps=2.5), dict(eps=True), dict(eps=None), dict(eps=['8/255']),
        dict(random_start='False'), dict(stop_at_success=1), dict(norm=2), dict(seed=None), dict(active='all'),
        dict(objective=dict(type='SegPGDLoss', ignore_index='255')),
    ],
)  # fmt: skip
def test_settings_of_other_types_are_refused(setting):
    """`random_start='False'` was true."""
    with pytest.raises(UserError, match='=.*: give '):
        build_attack(dict(type='PGD', objective=dict(type='CrossEntropy')) | setting)


@pytest.mark.parametrize('objective', [None, 'CrossEntropy', 3, [dict(type='CrossEntropy')]])
def test_objectives_that_are_no_configs_are_refused(objective):
    with pytest.raises(UserError, match='objective=.*: give dict'):
        build_attack(dict(type='PGD', objective=objective))
