"""Heads of other tasks on a victim's encoder, and more of its tokens than its own head reads."""

import pytest
import torch
from toys import (
    ARCH,
    backbone_cfg,
    build,
    classification_batch,
    classifier_cfg,
    depth_batch,
    depth_estimator_cfg,
    segmentation_batch,
    segmentor_cfg,
    write_heads,
)

from mmssl_robust.attacks import EmbedEnsemble, JointAttack
from mmssl_robust.encoders.views import as_configured
from mmssl_robust.functional.tokens import select_tokens, windows
from mmssl_robust.models.algorithms import TaskHead
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.victims import build_victim
from mmssl_robust.victims.heads import shipped_heads, with_heads

CASES = {
    'classes': (classifier_cfg, classification_batch, [(16, 16)] * 2),
    'slide': (lambda: segmentor_cfg('slide'), segmentation_batch, [(24, 40)] * 3),
    'depth': (depth_estimator_cfg, depth_batch, [(20, 12)] * 3),
}


@pytest.fixture(scope='module')
def heads(tmp_path_factory):
    return write_heads(tmp_path_factory.mktemp('heads') / 'heads')


@pytest.fixture(params=CASES)
def victim(request):
    model, batch, sizes = CASES[request.param]
    return build_victim(build(model()), batch(*sizes))


def written_out(victim, heads, pixels):
    """The distances, from one encoder with the victim's weights that gives all tokens, window by window."""
    encoder = MODELS.build(backbone_cfg('featmap_cls') | dict(final_norm='both')).eval()
    encoder.load_state_dict(victim.model.backbone.state_dict())
    found = []
    for spec in heads.values():
        head = TaskHead(**spec).eval()
        head.check(encoder)
        head.init_weights()
        views = [victim.normalise(images) for images in (pixels, victim.pixels)]
        if getattr(getattr(victim, 'grid', None), 'slides', False):
            views = [list(windows(view, (16, 16), (8, 8))) for view in views]
        else:
            views = [[view] for view in views]
        parts = [head.distance(head(encoder(own)), head(encoder(other))) for own, other in zip(*views)]
        found.append(torch.stack(parts).mean(dim=0))
    return torch.stack(found, dim=1)


@torch.no_grad()
def test_distances_are_those_of_each_head_alone(victim, heads):
    seen, targets = victim.seen_by(JointAttack(heads))
    pixels = (victim.pixels + 0.05).clamp(0, 1)
    assert targets is None and seen(victim.pixels).abs().max() < 1e-6
    expected = written_out(victim, heads, pixels)
    assert expected.shape == (2, 3) and expected.min() > 0
    torch.testing.assert_close(seen(pixels), expected, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(seen.only(torch.tensor([1]))(pixels[1:]), expected[1:], rtol=1e-4, atol=1e-7)


def test_all_heads_fall_and_the_model_stays_as_it_was(victim, heads):
    before = victim.model.backbone.out_type, victim.model.backbone.final_norm
    clean = [sample.clone() for sample in victim.predict(victim.pixels)]
    attack = JointAttack(heads, eps='16/255', step_size=None, steps=3)
    result = victim.attack(attack)
    noise = victim.attack(JointAttack(heads, eps='16/255', step_size=None, steps=0))
    assert (result.score < noise.score).all() and len(clean) == len(victim.predict(result.adv))
    assert (victim.model.backbone.out_type, victim.model.backbone.final_norm) == before
    torch.testing.assert_close(victim.objective_values(attack, result.adv).score, result.score)
    alone = victim.only(torch.tensor([1])).attack(attack)
    torch.testing.assert_close(alone.adv, result.adv[1:], rtol=0, atol=1e-5)


def test_heads_are_loaded_once(victim, heads):
    assert with_heads(victim.model.backbone, heads) is with_heads(victim.model.backbone, heads)


@pytest.mark.parametrize('spec', ['mini_wide', 'mini_robust'])
def test_an_encoder_by_name_has_the_heads_of_its_weights(spec):
    encoder = MODELS.build(dict(type='mmssl_robust.Encoder', spec=spec))
    encoder.init_weights()
    assert {head['head'].split('/')[2] for head in shipped_heads(as_configured(encoder)).values()} == {spec}
    network = with_heads(encoder, None)
    assert len(network.heads) == 3 and network.views[0].vit is encoder.network.model


@torch.no_grad()
def test_every_token_is_that_of_the_blocks(victim):
    """Of an encoder of two blocks those of the last one, CLS and patch tokens, of each window."""
    every, own = (victim.embedding(victim.pixels, tokens) for tokens in ('every', 'task'))
    encoder = MODELS.build(backbone_cfg('featmap_cls')).eval()
    encoder.load_state_dict(victim.model.backbone.state_dict())
    inputs = victim.normalise(victim.pixels)
    parts = list(windows(inputs, (16, 16), (8, 8))) if inputs.shape[-1] == 40 else [inputs]
    tokens = torch.cat([select_tokens(encoder(part), 'both') for part in parts], dim=1)
    torch.testing.assert_close(every, tokens, rtol=1e-4, atol=1e-5)
    for token in own.unbind(dim=1):  # what the head reads is among them
        assert ((every - token[:, None]).abs().amax(dim=2).amin(dim=1) < 1e-5).all()


def test_the_ensemble_against_any_victim(victim):
    result = victim.attack(EmbedEnsemble(steps=1))
    far = victim.embedding(result.adv) - victim.embedding(victim.pixels)
    torch.testing.assert_close(result.score, -far.flatten(1).norm(dim=1))
    assert set(result.member) <= set(EmbedEnsemble().members)


def test_an_encoder_without_heads():
    with pytest.raises(UserError, match='no heads ship with this encoder: name some in the heads of the attack'):
        shipped_heads(build(classifier_cfg()).backbone)


def test_heads_of_another_encoder(heads):
    other = MODELS.build(backbone_cfg('cls_token') | dict(arch=ARCH | dict(depth=3)))
    with pytest.raises(UserError, match='belongs to another encoder'):
        with_heads(other, heads)
    with pytest.raises(UserError, match='a Conv2d cannot be asked for: use a backbone of DINOVisionTransformer'):
        with_heads(torch.nn.Conv2d(3, 3, 1), heads)


def test_shipped_heads_are_known_by_the_weights():
    encoder = MODELS.build(
        dict(
            type='mmssl_robust.DINOVisionTransformer',
            arch=dict(img_size=64, patch_size=8, embed_dim=192, depth=6, num_heads=3, mlp_ratio=4.0),
            init_cfg=dict(type='Pretrained', checkpoint='mmssl_robust://mini_deacl/encoder.safetensors'),
        )
    )
    encoder.init_weights()
    assert {head['head'].split('/')[2] for head in shipped_heads(encoder).values()} == {'mini_deacl'}
    with torch.no_grad():
        encoder.vit.norm.bias.add_(1e-3)
    with pytest.raises(UserError, match='no heads ship'):
        shipped_heads(encoder)
