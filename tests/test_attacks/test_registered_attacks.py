"""Attacks from configs."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmssl_robust.attacks import PGD, CrossEntropy, DepthLoss, EmbeddingDistance, SegPGDLoss
from mmssl_robust.registered import build_attack
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


def test_every_preset_is_tested():
    assert {path.stem for path in PRESETS.glob('*.py')} == {'pgd', 'embed', 'segpgd', 'depthpgd'}


def test_config_is_left_as_it_was():
    cfg = dict(type='PGD', objective=dict(type='mmssl_robust.SegPGDLoss', ignore_index=0), steps=3)
    attack = build_attack(cfg)
    assert attack.objective.ignore_index == 0
    assert cfg == dict(type='PGD', objective=dict(type='mmssl_robust.SegPGDLoss', ignore_index=0), steps=3)


@pytest.mark.parametrize(
    ('cfg', 'says'),
    [
        (dict(type='mmssl_robust.FGSM'), "'FGSM': use one of DepthPGD, EmbedAttack, PGD, SegPGD"),
        (dict(type='os.system'), "'os.system': use one of"),
        (dict(), 'unknown attack'),
        (dict(type='PGD', objective=dict(type='Margin')), "'Margin': use one of CrossEntropy, DepthLoss"),
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
