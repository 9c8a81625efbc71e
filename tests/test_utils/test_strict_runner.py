"""What a training starts from: of an encoder all or nothing, of a head what fits, and the rest is said."""

import logging

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS
from mmengine.runner import FlexibleRunner, Runner
from toys import build, classification_run, classifier_cfg, write_classification

from mmssl_robust.utils.cli import build_runner
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.strict_runner import StrictRunner, strict

BLOCK = 'backbone.vit.blocks.1.norm1.weight'
HEAD = 'head.fc.weight'


@RUNNERS.register_module(force=True)
class OwnTrainer(Runner):
    """A user's Runner."""

    greeting = 'own'


class Start(Hook):
    """Keeps the weights that a training starts from."""

    def before_train(self, runner):
        self.state = {key: value.clone() for key, value in runner.model.state_dict().items()}


@pytest.fixture
def whole():
    return {key: value + 1 for key, value in build(classifier_cfg()).state_dict().items()}


@pytest.fixture
def start(tmp_path, caplog):
    """Train for a step from what is given; returns the weights at the start and what was warned of."""
    write_classification(tmp_path / 'data')

    def start(state, encoder=None, **changes):
        torch.save(state, tmp_path / 'weights.pth')
        cfg = classification_run(tmp_path / 'data', tmp_path / 'work')
        for name in ('test_dataloader', 'test_evaluator', 'test_cfg'):
            loader = cfg.pop(name)
            cfg |= dict(train_dataloader=loader) if name == 'test_dataloader' else {}
        if encoder is not None:
            torch.save(encoder, tmp_path / 'encoder.pth')
            cfg['model']['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint=str(tmp_path / 'encoder.pth'))
        cfg |= dict(
            train_cfg=dict(by_epoch=True, max_epochs=1),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            load_from=str(tmp_path / 'weights.pth'),
            launcher='none',
            experiment_name=tmp_path.name,
        )
        runner = build_runner(Config(cfg | changes), ('train_dataloader',))
        hook = Start()
        runner.register_hook(hook)
        runner.logger.addHandler(caplog.handler)
        with caplog.at_level(logging.WARNING):
            runner.train()
        return hook.state, [record.getMessage() for record in caplog.records if 'weights.pth' in record.getMessage()]

    return start


def without(state, *beginnings):
    return {key: value for key, value in state.items() if not key.startswith(beginnings)}


def only(state, beginning):
    return {key: value for key, value in state.items() if key.startswith(beginning)}


def test_a_whole_model_is_taken_in_silence(whole, start):
    state, warned = start(dict(state_dict=whole))
    torch.testing.assert_close(state, whole, rtol=0, atol=0)
    assert not warned


@pytest.mark.parametrize('kind', [None, 'OwnTrainer', OwnTrainer], ids=['none', 'name', 'class'])
@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (lambda s: without(s, BLOCK), f'missing: {BLOCK}'),
        (lambda s: s | {BLOCK: torch.ones(17)}, rf'shape: {BLOCK} is \(17,\), wanted \(16,\)'),
        (lambda s: s | {BLOCK.replace('1', '2', 1): torch.ones(16)}, f'unexpected: {BLOCK.replace("1", "2", 1)}'),
        (lambda s: {f'backbone.{k}': v for k, v in s.items()}, 'missing: backbone.vit.cls_token'),
        (lambda s: {k.removeprefix('backbone.vit.'): v for k, v in without(s, 'head.').items()}, 'init_cfg.checkpoint'),
        (lambda s: dict(other=torch.ones(2)), 'unexpected: other'),
    ],
    ids=['block', 'shape', 'deeper', 'names', 'encoder alone', 'nothing'],
)
def test_of_an_encoder_all_or_nothing(damage, words, kind, whole, start):
    with pytest.raises(UserError, match=f'weights.pth does not fit the model; .*{words}') as caught:
        start(damage(whole), **(dict(runner_type=kind) if kind else {}))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    ('damage', 'words', 'taken'),
    [
        (lambda s: without(s, 'head.'), f'missing: {HEAD}, head.fc.bias', []),
        (lambda s: s | {HEAD: torch.ones(10, 16)}, f'shape: {HEAD} is (10, 16), wanted (4, 16)', ['head.fc.bias']),
        (lambda s: s | {'decode_head.conv.weight': torch.ones(1)}, 'unexpected: decode_head.conv.weight', [HEAD]),
    ],
    ids=['no head', 'classes', 'of another task'],
)
def test_what_of_a_head_does_not_fit_is_said(damage, words, taken, whole, start):
    state, (warned,) = start(damage(whole))
    assert words in warned and 'is not the whole model' in warned and '\n' not in warned
    torch.testing.assert_close(only(state, 'backbone.'), only(whole, 'backbone.'), rtol=0, atol=0)
    assert all(torch.equal(state[key], whole[key]) for key in taken)
    assert torch.equal(state[HEAD], whole[HEAD]) == (HEAD in taken)


def test_the_head_of_another_task_is_refused(whole, start):
    other = without(whole, 'head.') | {'decode_head.conv_seg.weight': torch.ones(4, 16, 1, 1)}
    with pytest.raises(UserError, match=f'has the head of another task.*missing: {HEAD}'):
        start(other)


def test_a_head_alone_beside_its_encoder_is_whole(whole, start):
    state, warned = start(only(whole, 'head.'), encoder=only(whole, 'backbone.'))
    torch.testing.assert_close(state, whole, rtol=0, atol=0)
    assert not warned


def test_what_is_resumed_is_all_there(whole, start):
    with pytest.raises(UserError, match=f'does not fit the model; missing: {HEAD}'):
        start(dict(state_dict=without(whole, HEAD)), resume=True)


def test_a_file_without_weights(start):
    with pytest.raises(UserError, match='weights.pth holds no weights'):
        start([torch.ones(1)])


def test_runners_of_ones_own():
    assert issubclass(strict(OwnTrainer), (StrictRunner, OwnTrainer)) and strict(OwnTrainer).greeting == 'own'
    assert strict(StrictRunner) is StrictRunner and strict(OwnTrainer) is strict(OwnTrainer)
    assert strict(strict(OwnTrainer)) is strict(OwnTrainer)
    with pytest.raises(UserError, match='FlexibleRunner is no child of mmengine.runner.Runner: leave runner_type out'):
        strict(FlexibleRunner)
    with pytest.raises(UserError, match="unknown runner_type 'Nothing': import the file"):
        build_runner(Config(dict(runner_type='Nothing', launcher='none')), ())
