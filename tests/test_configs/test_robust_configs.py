"""The recipes of robust training: alike in all but the method."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmssl_robust.models.algorithms.adversary import build_adversaries
from mmssl_robust.registry import MODELS

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'robust'
RECIPES = sorted(path.stem for path in FOLDER.glob('*.py'))
HEADS = ['cifar10', 'camvid', 'nyu']


@pytest.fixture
def recipe(data_root):
    return lambda name: Config.fromfile(FOLDER / f'{name}.py')


def test_equal_images_steps_and_probes(recipe):
    """Nothing differs but the model, and for LORE how its dual network is trained."""
    standard = recipe('fare_mini_wide')
    for name in RECIPES:
        cfg = recipe(name)
        for part in ('train_cfg', 'train_dataloader', 'param_scheduler', 'val_cfg', 'randomness', 'default_hooks'):
            assert cfg[part] == standard[part], (name, part)
        assert cfg.optim_wrapper.optimizer == standard.optim_wrapper.optimizer, name
        assert cfg.optim_wrapper.clip_grad == standard.optim_wrapper.clip_grad, name
    assert standard.train_cfg.max_epochs * standard.train_cfg.images_per_epoch == 51200
    assert list(standard.val_cfg.probes) == HEADS


@pytest.mark.parametrize('name', RECIPES)
def test_adversaries_have_one_budget(name, recipe):
    """In Linf 4/255 throughout, and five steps unless they are said to be one."""
    model = recipe(name).model
    if model.get('adversaries') is not None:
        entries = model.adversaries
    else:
        entries = [dict(attack=model.attack, heads=HEADS if 'heads' in model else ())]
    adversaries = build_adversaries(entries, HEADS, 'embedding', model.type)
    attacks = [adversary.attack for adversary in adversaries if adversary.attack]
    assert bool(attacks) == (name != 'clean_mini_wide')
    for attack in attacks:
        assert attack.steps == (1 if 'nfgsm' in name else 5)
        assert attack.norm != 'linf' or attack.eps == pytest.approx(4 / 255)


@pytest.mark.parametrize('name', [name for name in RECIPES if 'task_aware' not in name])
def test_builds_for_the_wide_mini_encoder(name, recipe):
    model = MODELS.build(recipe(name).model)
    assert sum(parameter.numel() for parameter in model.backbone.parameters()) == 5595136
    assert model.backbone.embed_dims == 256 and model.tokens == 'both'
