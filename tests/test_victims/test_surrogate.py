"""Images made against another encoder than the model's own."""

import pytest
import torch
from toys import (
    build,
    classification_batch,
    classifier_cfg,
    depth_batch,
    depth_estimator_cfg,
    segmentation_batch,
    segmentor_cfg,
)

from mmssl_robust.attacks import EmbedAttack, EmbeddingDistance, Ensemble, Transfer
from mmssl_robust.easy.api import attack as attack_of_easy
from mmssl_robust.easy.modules import PlainClassifier, PlainInputs
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.pretrained import initialise
from mmssl_robust.victims import build_victim
from mmssl_robust.victims.surrogate import surrogate_of, with_weights_named

FEW = dict(steps=2, eps='32/255', step_size='16/255')
ALL = dict(momentum=1.0, diversity=0.5, kernel=3)


@pytest.fixture(scope='module')
def mini():
    """The mini encoder under a head that is drawn."""
    arch = dict(img_size=64, patch_size=8, embed_dim=192, depth=6, num_heads=3, mlp_ratio=4.0)
    weights = dict(type='Pretrained', checkpoint='mmssl_robust://mini/encoder.safetensors')
    backbone = dict(type='mmssl_robust.DINOVisionTransformer', arch=arch, out_type='cls_token', init_cfg=weights)
    head = dict(type='mmpretrain.LinearClsHead', num_classes=4, in_channels=192)
    model = build(classifier_cfg() | dict(backbone=backbone, head=head))
    initialise(model.backbone)
    return model


def test_a_surrogate_that_is_the_model_itself_gives_embed_attack(mini):
    victim = build_victim(mini, classification_batch((64, 64), (64, 64)))
    own = victim.attack(EmbedAttack(**FEW))
    found = victim.attack(Transfer('mini', **FEW))
    # Values differ by rounding, which may turn signs of gradients that are nearly 0.
    assert ((own.adv - found.adv).abs() > 1e-6).float().mean() < 0.005
    torch.testing.assert_close(found.loss, own.loss, rtol=1e-3, atol=0)
    assert victim.embedding(victim.pixels).equal(victim.embedding(victim.pixels))  # which is its own again


@pytest.mark.parametrize('block', [None, -3, 2])
def test_what_is_moved_is_the_surrogates_and_what_is_said_the_models(mini, block):
    victim = build_victim(build(classifier_cfg()), classification_batch((16, 16), (16, 16)))
    attack = Transfer('mini', block=block, tokens='both', **FEW, **ALL)
    result = victim.attack(attack)
    surrogate = surrogate_of(attack, torch.device('cpu'))
    clean, attacked = (surrogate.tokens(surrogate.normalise(x, None), 'both') for x in (victim.pixels, result.adv))
    assert clean.shape == (2, 1 + 4, 192) and (clean - attacked).flatten(1).norm(dim=1).min() > 0.1
    before, after = (victim.embedding(x, 'cls') for x in (victim.pixels, result.adv))
    torch.testing.assert_close(result.loss, (after - before).flatten(1).norm(dim=1))
    torch.testing.assert_close(victim.objective_values(attack, result.adv).final_loss, result.loss)
    assert result.norm.max() <= 32 / 255 + 1e-6


@pytest.mark.parametrize('mode', ['whole', 'slide'])
@pytest.mark.parametrize('task', ['segmentation', 'depth'])
def test_dense_tasks_by_windows_and_with_padding(task, mode):
    if task == 'segmentation':
        model, batch = build(segmentor_cfg(mode)), segmentation_batch((20, 24), (20, 24))
    else:
        model, batch = build(depth_estimator_cfg(mode)), depth_batch((20, 24), (20, 24))
    victim = build_victim(model, batch)
    result = victim.attack(Transfer('mini', **FEW, **ALL))
    changed = (result.adv != victim.pixels).any(dim=1, keepdim=True)
    assert changed.any() and victim.mask is not None and not changed[~victim.mask].any()
    assert len(victim.predict(result.adv)) == 1


def test_images_of_a_size_that_the_surrogate_does_not_take_are_resized():
    attack = Transfer('mini')
    surrogate = surrogate_of(attack, torch.device('cpu'))
    assert surrogate.tokens(torch.zeros(1, 3, 20, 30), 'patch').shape == (1, 3 * 4, 192)


def test_records_say_the_weights_and_others_are_refused():
    (named,) = with_weights_named(dict(one=Transfer('mini'))).values()
    digest = named.settings.arguments['sha256']
    assert len(digest) == 64 and named.settings.arguments['surrogate'] == 'mini'
    with pytest.raises(UserError, match='not 00') as caught:
        surrogate_of(Transfer('mini', sha256='00'), torch.device('cpu'))
    assert '\n' not in str(caught.value)
    assert surrogate_of(Transfer('mini', sha256=digest), torch.device('cpu')).block is None


def test_what_cannot_be_is_refused_in_a_line():
    victim = build_victim(build(classifier_cfg()), classification_batch((16, 16)))
    both = Ensemble(dict(own=EmbedAttack(steps=1), other=Transfer('mini', steps=1)))
    for attack, words in (
        (Transfer(), '--surrogate ENCODER'),
        (Transfer('no_such_encoder'), "'no_such_encoder' names no encoder"),
        (Transfer('mini', block=6), 'out_indices=.* do not fit'),
        (both, 'give a transfer attack beside it'),
    ):
        with pytest.raises(UserError, match=words) as caught:
            victim.attack(attack)
        assert '\n' not in str(caught.value)
    assert type(Transfer('mini').judged_by) is EmbeddingDistance


def test_a_plain_network_which_has_no_embedding_is_judged_by_the_surrogates():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 4))
    victim = build_victim(
        PlainClassifier(network, PlainInputs(255.0, torch.device('cpu'))), classification_batch((16, 16))
    )
    attack = Transfer('mini', **FEW)
    result = victim.attack(attack)
    surrogate = surrogate_of(attack, torch.device('cpu'))
    clean, attacked = (surrogate.tokens(surrogate.normalise(x, None), 'cls') for x in (victim.pixels, result.adv))
    torch.testing.assert_close(result.loss, (attacked - clean).flatten(1).norm(dim=1))
    assert victim.objective_values(attack, victim.pixels).final_loss.item() == 0
    assert len(victim.predict(result.adv)) == 1


def test_in_python_the_surrogate_is_what_is_attacked():
    with pytest.raises(UserError, match="attack='embed-transfer'") as caught:
        attack_of_easy('mini', torch.rand(1, 3, 16, 16), attack='transfer', surrogate='mini')
    assert '\n' not in str(caught.value)
    found = attack_of_easy('mini', torch.rand(1, 3, 16, 16), attack='embed-transfer', steps=1)
    assert found.loss.item() > 0
