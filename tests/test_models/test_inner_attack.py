"""The attack inside of a training step, and which attacks can be one."""

from copy import deepcopy

import pytest
import torch
from toys import MEAN, STD, backbone_cfg
from toys import method as build
from toys import method_batch as batch
from toys import method_loss as loss_of

from mmssl_robust.attacks.noise import random_start
from mmssl_robust.models.algorithms.deacl import ATTACK
from mmssl_robust.models.algorithms.inner_attack import build_inner_attack
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.errors import UserError

EMBEDDING = dict(objective=dict(type='EmbeddingCosine'))


def test_attack_is_the_written_out_one(monkeypatch):
    """Five steps of sign ascent on minus the cosine with the teacher's clean embedding, student in eval mode."""
    model = build(attack=None)
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    data = batch(model)
    seen = []
    perturb = model.adversaries[0].attack.perturb
    monkeypatch.setattr(model.adversaries[0].attack, 'perturb', lambda *a, **k: seen.append((a, k)) or perturb(*a, **k))
    model(**data, mode='loss')
    ((_, pixels, target), settings) = seen[0]
    assert settings['keys'] == [0, 1, 2] and model.backbone.training
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    torch.testing.assert_close(pixels, (data['inputs'] * std + mean) / 255, atol=1e-6, rtol=0)

    student = deepcopy(model.backbone).eval()
    reference = model.teacher(data['inputs'])[-1]
    torch.testing.assert_close(target[:, 0], reference)
    threat, seed = model.adversaries[0].attack.threat, model.adversaries[0].attack.seed
    noise = random_start(threat, pixels, settings['keys'], seed, settings['visit'])
    start = (pixels + noise).clamp(0, 1)
    expected = start
    for _ in range(5):
        expected = expected.detach().requires_grad_()
        embedding = student((expected * 255 - mean) / std)[-1]
        cosines = (embedding * reference).sum(1) / (embedding.norm(dim=1) * reference.norm(dim=1))
        gradient = torch.autograd.grad(-cosines.sum(), expected)[0]
        moved = expected + 2 / 255 * gradient.sign()
        expected = (pixels + (moved - pixels).clamp(-4 / 255, 4 / 255)).clamp(0, 1)
    adv = perturb(*seen[0][0], **settings).adv
    assert (adv - expected).abs().gt(1e-6).float().mean() < 0.005
    assert (adv - pixels).abs().max() <= 4 / 255 + 1e-6


def test_l2_threat_model():
    attack = dict(type='PGD', objective=dict(type='EmbeddingCosine'), norm='l2', eps=0.5, step_size=0.2, steps=3)
    model = build(attack=attack)
    perturbation = []
    perturb = model.adversaries[0].attack.perturb
    model.adversaries[0].attack.perturb = lambda *a, **k: (
        perturbation.append((perturb(*a, **k), a[1])) or perturbation[-1][0]
    )
    loss_of(model, batch(model)).backward()
    result, pixels = perturbation[0]
    assert 0.1 < (result.adv - pixels).flatten(1).norm(dim=1).max() <= 0.5 + 1e-5


def test_noise_follows_the_sample_and_the_epoch():
    model = build()
    data = batch(model, count=4)
    whole = model(**data, mode='loss')
    parts = [
        model(inputs=data['inputs'][rows], data_samples=data['data_samples'][rows], mode='loss')
        for rows in (slice(0, 2), slice(2, 4))
    ]
    for name in ('loss_teacher', 'loss_adversarial'):
        torch.testing.assert_close(whole[name], (parts[0][name] + parts[1][name]) / 2, rtol=1e-5, atol=1e-6)
    model.epoch = 1
    assert model(**data, mode='loss')['loss_adversarial'] != whole['loss_adversarial']


def test_float16_needs_the_scaled_loss():
    """On the CPU's autocast: without scaling small gradients underflow to zero."""
    shares = []
    for loss_scale in (1.0, 4096.0):
        torch.manual_seed(0)
        model = build(loss_scale=loss_scale)
        with torch.no_grad():
            model.backbone.vit.patch_embed.proj.weight.mul_(1e-3)
        data = batch(model)
        with torch.autocast('cpu', torch.float16):
            shares.append(model(**data, mode='loss')['zero_grad'].item())
    assert shares[1] < shares[0] / 2, shares


@pytest.mark.parametrize('norm', ['linf', 'l2'])
def test_a_gradient_that_overflows_is_noticed(norm):
    """As float16's may: the images, and with them the loss, are not finite either."""
    attack = dict(type='PGD', objective=dict(type='EmbeddingCosine'), norm=norm, eps=0.1, step_size=0.05, steps=1)
    model = build(attack=attack)
    perturb = model.adversaries[0].attack.perturb
    model.adversaries[0].attack.perturb = lambda *args, **settings: perturb(
        *args, **settings | dict(loss_scale=float('nan'))
    )
    assert not loss_of(model, batch(model)).isfinite()


@pytest.mark.parametrize('cfg', [dict(type='mmssl_robust.FGSM', **EMBEDDING), dict(type='EmbedAttack')])
def test_kinds_of_pgd(cfg):
    assert build(attack=cfg).adversaries[0].attack.objective.reads == 'embedding'


@pytest.mark.parametrize('name', ['APGD', 'Square'])
def test_another_optimiser(name):
    says = rf'^{name} makes no images for training: set model.attack.type to PGD, FGSM or NFGSM$'
    with pytest.raises(UserError, match=says):
        build_inner_attack(dict(type=name, **EMBEDDING), 'embedding', 'DeACL')


@pytest.mark.parametrize('name', ['AutoAttack', 'SEA', 'DepthEnsemble'])
def test_ensemble(name):
    with pytest.raises(UserError, match=f'^{name} makes no images for training'):
        MODELS.build(dict(type='mmssl_robust.DeACL', backbone=backbone_cfg('cls_token'), attack=dict(type=name)))


@pytest.mark.parametrize(
    'cfg, attacked, says',
    [
        (ATTACK | dict(restarts=2), 'embedding', '^attack.restarts=2: in training each image is attacked once$'),
        (
            ATTACK | dict(objective=dict(type='CrossEntropy')),
            'embedding',
            '^CrossEntropy needs a task: DeACL attacks the embedding$',
        ),
        (ATTACK, 'prediction', '^EmbeddingCosine needs an embedding: DeACL attacks the prediction$'),
    ],
)
def test_settings_that_cannot_be(cfg, attacked, says):
    with pytest.raises(UserError, match=says):
        build_inner_attack(cfg, attacked, 'DeACL')
