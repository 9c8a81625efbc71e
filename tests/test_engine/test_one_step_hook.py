"""The watch over training on single steps."""

import itertools
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from toys import loaded_batch
from toys import method as build
from toys import method_batch as batch

from mmssl_robust.attacks import PGD, EmbeddingDistance
from mmssl_robust.engine import OneStepHook
from mmssl_robust.models.algorithms.nfgsm import NFGSM
from mmssl_robust.utils.errors import UserError

NUMBERS = itertools.count()
DISTANCE = dict(type='EmbeddingDistance')
SINGLE = dict(type='NFGSM', objective=DISTANCE, eps='4/255')
USELESS = dict(type='PGD', objective=DISTANCE, eps='4/255', step_size=1e-7, steps=1)


def watch(model, hook, iteration=0):
    """What the hook logs for a batch, and its warnings."""
    warnings = []
    hub = MessageHub(f'watched{next(NUMBERS)}')
    logger = SimpleNamespace(warning=warnings.append)
    runner = SimpleNamespace(model=model, iter=iteration, message_hub=hub, logger=logger)
    hook.before_train_iter(runner, 0, loaded_batch(count=6))
    found = hub.log_scalars.get('train/one_step')
    return None if found is None else found.current(), warnings


@pytest.fixture
def cls_model():
    def make(**settings):
        model = build('cls', 'mmssl_robust.FARE', **settings)
        with torch.no_grad():
            for parameter in model.backbone.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
        return model

    return make


def test_share_of_what_several_steps_gain(cls_model):
    """Distances to the teacher's embedding, against both attacks called from outside."""
    model = cls_model(attack=SINGLE)
    made = model.batch_of(**batch(model, count=6))
    share, warnings = watch(model, OneStepHook(steps=5, max_images=4))
    model.eval()
    several = PGD(EmbeddingDistance(), eps='4/255', step_size='1/255', steps=5, keep='last')
    pixels, teacher = made.pixels[:4], made.teacher[:4]
    single = NFGSM(EmbeddingDistance(), eps='4/255')
    images = [one.perturb(made.embed, pixels, teacher, made.keys[:4]).adv for one in (single, several)]
    clean, one, strong = (float((made.embed(x) - teacher).norm(dim=-1).sum()) for x in (pixels, *images))
    assert strong > clean
    assert share == pytest.approx((one - clean) / (strong - clean), rel=1e-3)
    assert not warnings


def test_warns_in_one_line_when_a_step_gains_nothing_and_once(cls_model):
    model, hook = cls_model(attack=USELESS), OneStepHook(interval=10, steps=5)
    share, warnings = watch(model, hook)
    assert abs(share) < 0.3
    assert len(warnings) == 1 and '\n' not in warnings[0] and 'of what PGD-5 does: catastrophic' in warnings[0]
    assert watch(model, hook, 10)[1] == [], 'it stays low'
    assert watch(model, hook, 7) == (None, []), 'not its turn'


def test_adversaries_of_several_steps_are_not_compared(cls_model):
    several = USELESS | dict(steps=3)
    model = cls_model(adversaries=[dict(share=0.5, attack=several), dict(share=0.5, attack=SINGLE)])
    share, _ = watch(model, OneStepHook())
    assert share > 0.3
    assert watch(cls_model(adversaries=[dict(attack=SINGLE, ramp=1.0)]), OneStepHook())[0] > 0.3
    growing = cls_model(adversaries=[dict(attack=SINGLE, ramp=1.0)])
    growing.progress = 0.0
    assert watch(growing, OneStepHook())[0] is None, 'eps is still 0'


@pytest.fixture
def trained(deacl_cfg):
    def run(hooks):
        cfg = deacl_cfg.copy()
        cfg.model = cfg.model.copy()
        cfg.model.attack = dict(SINGLE, type='mmssl_robust.NFGSM')
        cfg.custom_hooks = hooks
        cfg.train_cfg.max_epochs = 1
        cfg.experiment_name = f'watched{len(hooks)}'
        runner = Runner.from_cfg(cfg)
        runner.train()
        return runner

    return run


def test_changes_nothing_of_the_training(trained, caplog):
    with caplog.at_level(logging.INFO):
        watched = trained([dict(type='mmssl_robust.OneStepHook', interval=1, steps=2)])
    alone = trained([])
    assert 'one_step' in str(watched.message_hub.log_scalars.keys())
    assert watched.model.cost == alone.model.cost
    for one, other in zip(watched.model.parameters(), alone.model.parameters()):
        assert one.equal(other)


def test_nothing_to_watch(deacl_cfg):
    deacl_cfg.custom_hooks = [dict(type='mmssl_robust.OneStepHook')]
    with pytest.raises(UserError, match='no adversary of a single step'):
        Runner.from_cfg(deacl_cfg).train()
    with pytest.raises(UserError, match='interval=0: give an integer of at least 1'):
        OneStepHook(interval=0)
