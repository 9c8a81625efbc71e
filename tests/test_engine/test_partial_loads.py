"""No loop or hook attacks what MMEngine's own Runner, which only warns of it, has loaded in part."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import FlexibleRunner, Runner
from toys import build, classification_run, classifier_cfg, runner_of, write_classification

from mmssl_robust.utils.errors import UserError

ATTACK = dict(type='mmssl_robust.PGD', objective=dict(type='mmssl_robust.CrossEntropy'), eps='8/255', steps=1)
LOOP = dict(test_cfg=dict(type='mmssl_robust.AttackTestLoop', attacks=dict(pgd=ATTACK)))
HOOK = dict(custom_hooks=[dict(type='mmssl_robust.AttackHook', attack=ATTACK)])
BLOCK = 'backbone.vit.blocks.1.norm1.weight'


@RUNNERS.register_module(force=True)
class OwnRunner(Runner):
    """A user's Runner."""


@pytest.fixture
def cfg(tmp_path):
    write_classification(tmp_path / 'data')
    return classification_run(tmp_path / 'data', tmp_path / 'work')


@pytest.fixture
def whole():
    return build(classifier_cfg()).state_dict()


@pytest.fixture
def start(cfg, tmp_path):
    """A Runner of MMEngine's that is to load what it is given."""

    def start(state=None, name='x', kind=Runner, **changes):
        if state is not None:
            changes['load_from'] = str(tmp_path / 'weights.pth')
            torch.save(dict(state_dict=state), changes['load_from'])
        return kind.from_cfg(Config({**cfg, **changes, 'experiment_name': f'{tmp_path.name}{name}'}))

    return start


def without(state, *beginnings):
    return {key: value for key, value in state.items() if not key.startswith(beginnings)}


def only(state, beginning):
    return {key: value for key, value in state.items() if key.startswith(beginning)}


@pytest.mark.parametrize('kind', [Runner, OwnRunner])
@pytest.mark.parametrize('attacks', [LOOP, HOOK], ids=['loop', 'hook'])
def test_a_whole_model_is_attacked(attacks, kind, cfg, whole, start):
    assert start(whole, kind=kind, **attacks).test() == runner_of(cfg, **attacks).test()


@pytest.mark.parametrize('attacks', [LOOP, HOOK], ids=['loop', 'hook'])
@pytest.mark.parametrize(
    ('damage', 'key'),
    [
        (lambda s: without(s, BLOCK), BLOCK),
        (lambda s: s | {BLOCK: torch.ones(17)}, BLOCK),
        (lambda s: s | {BLOCK.replace('1', '2', 1): torch.ones(16)}, BLOCK.replace('1', '2', 1)),
        (lambda s: without(s, 'head.'), 'head.fc.weight, head.fc.bias'),
        (lambda s: s | {'head.fc.weight': torch.ones(10, 16)}, 'head.fc.weight'),
        (lambda s: only(s, 'head.'), 'backbone.vit.cls_token'),
        (lambda s: {f'model.{key}': value for key, value in s.items()}, 'backbone.vit.cls_token'),
    ],
    ids=['block', 'shape', 'deeper', 'no head', 'classes', 'head alone', 'names'],
)
def test_a_part_is_an_error_that_names_the_keys(damage, key, attacks, whole, start):
    runner = start(damage(whole), **attacks)
    with pytest.raises(UserError, match=f'weights.pth does not fit ImageClassifier; .*{key}') as caught:
        runner.test()
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('kind', [OwnRunner, FlexibleRunner])
def test_under_any_runner(kind, whole, start):
    assert start(whole, 'y', kind=kind, **LOOP).test()
    with pytest.raises(UserError, match=BLOCK):
        start(without(whole, BLOCK), kind=kind, **LOOP).test()


def test_validation_by_itself(cfg, whole, start):
    validation = dict(
        val_dataloader=cfg['test_dataloader'],
        val_evaluator=cfg['test_evaluator'],
        val_cfg=dict(LOOP['test_cfg'], type='mmssl_robust.AttackValLoop'),
    )
    with pytest.raises(UserError, match='head.fc.bias'):
        start(without(whole, 'head.fc.bias'), **validation).val()
    assert start(whole, 'y', **validation).val()


def test_two_files_may_make_a_whole(whole, start, tmp_path):
    torch.save(only(whole, 'head.'), tmp_path / 'head.pth')
    runner = start(only(whole, 'backbone.'), **LOOP)
    runner.load_checkpoint(runner._load_from)
    runner.load_checkpoint(str(tmp_path / 'head.pth'))
    assert runner.test() == start(whole, 'y', **LOOP).test()


@pytest.mark.parametrize('by', ['load_state_dict', 'data'])
def test_what_is_set_by_hand_is_believed(by, whole, start):
    runner = start(without(whole, 'head.'), **LOOP)
    runner.load_checkpoint(runner._load_from)
    if by == 'data':
        for name, parameter in runner.model.head.named_parameters():
            parameter.data.copy_(whole[f'head.{name}'])
    else:
        runner.model.load_state_dict(whole)
    assert runner.test() == start(whole, 'y', **LOOP).test()


@pytest.fixture
def pretrained(cfg, whole, tmp_path):
    """The config, with the file of its encoder."""
    torch.save(only(whole, 'backbone.'), tmp_path / 'encoder.pth')
    cfg['model']['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint=str(tmp_path / 'encoder.pth'))


def by_hand_whole(model, whole):
    model.load_state_dict(whole)


def by_hand_in_parts(model, whole):
    for name in ('backbone', 'head'):
        part = only(whole, f'{name}.')
        getattr(model, name).load_state_dict({key.removeprefix(f'{name}.'): value for key, value in part.items()})


@pytest.mark.parametrize('load', [by_hand_whole, by_hand_in_parts])
def test_a_load_by_hand_counts(load, pretrained, whole, start):
    runner = start(**LOOP)
    load(runner.model, whole)
    assert runner.test() == start(whole, 'y', **LOOP).test()


def test_a_load_by_hand_in_part(whole, start):
    runner = start(**LOOP)
    runner.model.load_state_dict(without(whole, BLOCK), strict=False)
    with pytest.raises(UserError, match=f'the checkpoint does not fit ImageClassifier; missing.*{BLOCK}'):
        runner.test()


def test_an_encoder_by_hand_and_a_head_by_load_from(whole, start):
    runner = start(only(whole, 'head.'), **LOOP)
    encoder = {key.removeprefix('backbone.'): value for key, value in only(whole, 'backbone.').items()}
    runner.model.backbone.load_state_dict(encoder)
    assert runner.test() == start(whole, 'y', **LOOP).test()


@pytest.mark.parametrize('attacks', [LOOP, HOOK], ids=['loop', 'hook'])
def test_an_encoder_that_was_never_loaded(attacks, pretrained, start):
    with pytest.raises(UserError, match=r'DINOVisionTransformer was not loaded from .*encoder.pth: call model.init_w'):
        start(**attacks).test()


def test_a_head_beside_an_encoder_with_a_file_of_its_own(pretrained, whole, start):
    head = only(whole, 'head.')
    with pytest.raises(UserError, match='missing, or of another shape: backbone.vit.cls_token'):
        start(head, **LOOP).test()
    runner = start(head, 'y', **LOOP)
    runner.model.init_weights()
    assert runner.test() == start(whole, 'z', **LOOP).test()


def test_training_watched_by_attacks(cfg, whole, start):
    """The head may start without a file, the encoder may not."""
    loader = cfg['test_dataloader']
    training = dict(
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        val_dataloader=loader,
        val_evaluator=cfg['test_evaluator'],
        val_cfg=dict(LOOP['test_cfg'], type='mmssl_robust.AttackValLoop'),
    )
    runner = start(only(whole, 'backbone.'), **training, **LOOP)
    runner.train()
    assert runner.test()
    frozen = start(without(whole, BLOCK), 'y', **training)
    frozen.model.backbone.requires_grad_(False)
    with pytest.raises(UserError, match=BLOCK):
        frozen.train()
