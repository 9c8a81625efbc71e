"""A defence before models of each task."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from toys import (
    build,
    classification_batch,
    classifier_cfg,
    depth_batch,
    depth_estimator_cfg,
    segmentation_batch,
    segmentor_cfg,
)

from mmssl_robust.attacks import PGD, CrossEntropy, DepthPGD, EmbedAttack, SegPGD
from mmssl_robust.defences import Dither, Quantise, defend
from mmssl_robust.defences.in_config import defences, load_defence, use_defence
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.victims import build_victim

PGD2 = PGD(CrossEntropy(), steps=2)
CASES = {
    'classifier': (classifier_cfg(), classification_batch((16, 16), (16, 16)), PGD2),
    'padded': (
        classifier_cfg(pad_size_divisor=16),
        classification_batch((12, 9), (12, 9)),
        PGD(CrossEntropy(), steps=2),
    ),
    'segmentor': (segmentor_cfg(), segmentation_batch((20, 12), (40, 24), (31, 23)), SegPGD(steps=2)),
    'windows': (segmentor_cfg('slide'), segmentation_batch((24, 40), (24, 40)), SegPGD(steps=2)),
    'depth': (depth_estimator_cfg(), depth_batch((20, 12), (40, 24)), DepthPGD(steps=2)),
}


def defended(cfg, defence, **settings):
    cfg = Config(dict(model=copy.deepcopy(cfg)))
    use_defence(cfg, defence, **settings)
    return build(cfg.model)


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def outputs(samples):
    names = ('pred_score', 'seg_logits', 'pred_depth_map')
    found = [next(sample.get(name) for name in names if name in sample) for sample in samples]
    return [getattr(one, 'data', one) for one in found]


def test_the_model_sees_what_the_defence_made_of_the_image_without_its_padding(case):
    cfg, batch, _ = case
    model, plain = defended(cfg, dict(type='mmssl_robust.Quantise', levels=3)), build(cfg)
    victim, other = build_victim(model, batch), build_victim(plain, batch)
    assert torch.equal(victim.pixels, other.pixels)
    wanted = other.pixels.clone()
    for place, (rows, columns) in enumerate(other.sizes):
        image = other.pixels[place : place + 1, :, :rows, :columns]
        wanted[place, :, :rows, :columns] = Quantise(3)(image)[0]
    seen = victim.normalise(victim.pixels)
    assert torch.allclose(seen, other.normalise(wanted), atol=1e-6)
    for one, two in zip(outputs(victim.predict(victim.pixels)), outputs(other.predict(wanted))):
        assert torch.allclose(one, two, atol=1e-4)


@torch.no_grad()
def test_test_step_predicts_the_same(case):
    cfg, batch, _ = case
    model = defended(cfg, dict(type='mmssl_robust.Dither', levels=4))
    victim = build_victim(model, copy.deepcopy(batch))
    for one, two in zip(outputs(victim.predict(victim.pixels)), outputs(model.test_step(copy.deepcopy(batch)))):
        assert torch.allclose(one, two, atol=1e-5)


@pytest.mark.parametrize('embed', [False, True])
def test_no_image_depends_on_its_batch_or_on_what_was_before(case, embed):
    cfg, batch, attack = case
    attack = EmbedAttack(steps=2) if embed else attack
    attack = copy.copy(attack)
    attack.eot_samples = 2
    victim = build_victim(defended(cfg, dict(type='mmssl_robust.Dither', levels=4)), batch)
    both = victim.attack(attack)
    last = torch.tensor([len(victim.keys) - 1])
    victim.predict(victim.pixels)
    alone = victim.only(last).attack(attack)
    assert torch.allclose(alone.adv[0], both.adv[-1], atol=1e-5)
    assert torch.allclose(alone.loss[0], both.loss[-1], rtol=1e-3)


def test_the_gradient_is_that_of_bpda():
    cfg, batch, attack = CASES['classifier']
    quantise = dict(type='mmssl_robust.Quantise', levels=3)
    hidden = build_victim(defended(cfg, quantise, bpda=False), batch).attack(attack)
    open_ = build_victim(defended(cfg, quantise), batch).attack(attack)
    assert hidden.zero_grad.min() == 1 and open_.zero_grad.max() < 1


def test_each_call_of_an_attack_draws_anew_and_a_prediction_never():
    cfg, batch, attack = CASES['classifier']
    victim = build_victim(defended(cfg, dict(type='mmssl_robust.Dither', levels=4)), batch)
    seen, _ = victim.seen_by(attack)
    first, second = seen(victim.pixels), seen(victim.pixels)
    assert not torch.equal(first, second)
    again, _ = victim.seen_by(attack)
    assert torch.equal(again(victim.pixels), first)
    assert torch.equal(victim.normalise(victim.pixels), victim.normalise(victim.pixels))
    wanted = victim.space.to_inputs(defend(Dither(4), victim.pixels, keys=victim.keys))
    assert torch.equal(victim.normalise(victim.pixels), wanted)


def test_a_checkpoint_knows_nothing_of_it_and_training_goes_without():
    cfg, batch, _ = CASES['classifier']

    @MODELS.register_module()
    class OwnDenoiser(torch.nn.Conv2d):
        def __init__(self):
            super().__init__(3, 3, 1, bias=False)
            with torch.no_grad():
                self.weight.copy_(torch.eye(3)[:, :, None, None] / 2)

    try:
        model, plain = defended(cfg, dict(type='OwnDenoiser')), build(cfg)
        assert model.state_dict().keys() == plain.state_dict().keys()
        assert not any(parameter is model.data_preprocessor.defence.weight for parameter in model.parameters())
        assert model.double().data_preprocessor.defence.weight.dtype == torch.float64
        model.float()
        trained, tested = (model.data_preprocessor(copy.deepcopy(batch), training) for training in (True, False))
        assert torch.equal(trained['inputs'], plain.data_preprocessor(copy.deepcopy(batch), True)['inputs'])
        space = build_victim(model, batch).space
        assert torch.allclose(space.to_pixels(tested['inputs']), space.to_pixels(trained['inputs']) / 2, atol=1 / 255)
        assert torch.equal(model.data_preprocessor.mean, plain.data_preprocessor.mean)
    finally:
        del MODELS.module_dict['OwnDenoiser']


def test_by_name_and_its_place_in_a_config():
    assert set(defences()) == {'blur', 'dither', 'downscale', 'jpeg', 'quantise'}
    with DefaultScope.overwrite_default_scope('mmseg'):
        for name in defences():
            model = MODELS.build(dict(type='mmssl_robust.Defended', defence=load_defence(name), mean=[0.0], std=[1.0]))
            assert type(model.inner).__name__ == 'SegDataPreProcessor'
    with pytest.raises(UserError, match="unknown defence 'jepg': did you mean jpeg"):
        load_defence('jepg')
    cfg = Config(dict(model=dict(type='X'), data_preprocessor=dict(mean=[1.0], std=[2.0])))
    use_defence(cfg, load_defence('jpeg'), bpda=False)
    assert cfg.model.data_preprocessor.to_dict() == dict(
        type='mmssl_robust.Defended', of=None, mean=[1.0], std=[2.0], bpda=False,
        defence=dict(type='mmssl_robust.JPEG', quality=75),
    )  # fmt: skip
    with pytest.raises(UserError, match='has a defence already'):
        use_defence(cfg, load_defence('jpeg'))


def test_a_file_without_a_defence(tmp_path):
    (tmp_path / 'mine.py').write_text('other = 1')
    with pytest.raises(UserError, match='sets no defence'):
        load_defence(str(tmp_path / 'mine.py'))
    with pytest.raises(UserError, match='defence=.*give dict'):
        MODELS.build(dict(type='mmssl_robust.Defended', defence='jpeg'))
