"""The algorithm: what is attacked, what learns, what a checkpoint holds."""

from copy import deepcopy
from functools import partial

import pytest
import torch
from mmengine.optim import AmpOptimWrapper
from mmpretrain.structures import DataSample
from safetensors.torch import save_file
from torch.nn.utils import parameters_to_vector
from toys import ARCH, MEAN, STD, backbone_cfg

from mmssl_robust.attacks.noise import random_start
from mmssl_robust.engine.finite import FiniteGuard
from mmssl_robust.models.algorithms import DeACL
from mmssl_robust.models.algorithms.deacl import ATTACK
from mmssl_robust.utils.errors import UserError


def build(tokens='cls', **settings):
    out_type = dict(cls='cls_token', patch='featmap', both='featmap_cls')[tokens]
    settings = dict(backbone=backbone_cfg(out_type), data_preprocessor=dict(mean=MEAN, std=STD, to_rgb=True)) | settings
    model = DeACL(tokens=tokens, **settings)
    model.init_weights()
    return model.train()


def batch(model, count=3, size=16, first=0):
    generator = torch.Generator().manual_seed(first)
    images = [torch.randint(0, 256, (3, size, size), generator=generator, dtype=torch.uint8) for _ in range(count)]
    samples = [DataSample(metainfo=dict(sample_idx=first + row)) for row in range(count)]
    return model.data_preprocessor(dict(inputs=images, data_samples=samples), True)


def loss_of(model, data):
    losses = model(**data, mode='loss')
    return losses['loss_teacher'] + losses['loss_adversarial']


@pytest.mark.parametrize('tokens', ['cls', 'patch', 'both'])
def test_starts_as_the_teacher_and_learns(tokens):
    model = build(tokens)
    data = batch(model)
    teacher = deepcopy(model.teacher.state_dict())
    losses = model(**data, mode='loss')
    torch.testing.assert_close(losses['loss_teacher'], torch.tensor(-1.0))
    assert losses['loss_adversarial'] > -2
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.3, momentum=0.9)
    before = loss_of(model, data)
    for _ in range(15):
        optimizer.zero_grad()
        loss_of(model, data).backward()
        assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
        optimizer.step()
    assert 3 + loss_of(model, data) < 0.9 * (3 + before), 'nearer to -3, the lowest loss'
    torch.testing.assert_close(dict(model.teacher.state_dict()), dict(teacher), rtol=0, atol=0)


def test_attack_is_the_written_out_one(monkeypatch):
    """Five steps of sign ascent on minus the cosine with the teacher's clean embedding, student in eval mode."""
    model = build(attack=None)
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    data = batch(model)
    seen = []
    perturb = model.attack.perturb
    monkeypatch.setattr(model.attack, 'perturb', lambda *a, **k: seen.append((a, k)) or perturb(*a, **k))
    model(**data, mode='loss')
    ((_, pixels, target), settings) = seen[0]
    assert settings['keys'] == [0, 1, 2] and model.backbone.training
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    torch.testing.assert_close(pixels, (data['inputs'] * std + mean) / 255, atol=1e-6, rtol=0)

    student = deepcopy(model.backbone).eval()
    reference = model.teacher(data['inputs'])[-1]
    torch.testing.assert_close(target[:, 0], reference)
    threat, seed = model.attack.threat, model.attack.seed
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


def test_teacher_is_in_no_checkpoint_and_no_parameter_list():
    model = build()
    assert {key.split('.')[0] for key in model.state_dict()} == {'backbone'}
    teachers = {id(p) for p in model.teacher.parameters()}
    assert not teachers & {id(p) for p in model.parameters()}
    assert not any(p.requires_grad for p in model.teacher.parameters())
    model.double()
    assert all(p.dtype == torch.float64 for p in model.teacher.parameters())
    model.train()
    assert not model.teacher.training


def test_both_weighs_cls_as_much_as_all_patches():
    model = build('both')
    features = torch.randn(2, 16, 2, 2), torch.randn(2, 16)
    other = torch.randn(2, 16, 2, 2), torch.randn(2, 16)
    embeddings = [model._embed(lambda _, f=f: (f,), torch.empty(0)) for f in (features, other)]
    cosine = torch.nn.functional.cosine_similarity
    expected = (cosine(features[1], other[1], dim=1) + cosine(features[0], other[0], dim=1).mean((1, 2))) / 2
    torch.testing.assert_close(model.attack.objective.score(*embeddings), expected)


def test_l2_threat_model():
    attack = dict(type='PGD', objective=dict(type='EmbeddingCosine'), norm='l2', eps=0.5, step_size=0.2, steps=3)
    model = build(attack=attack)
    perturbation = []
    perturb = model.attack.perturb
    model.attack.perturb = lambda *a, **k: perturbation.append((perturb(*a, **k), a[1])) or perturbation[-1][0]
    loss_of(model, batch(model)).backward()
    result, pixels = perturbation[0]
    assert 0.1 < (result.adv - pixels).flatten(1).norm(dim=1).max() <= 0.5 + 1e-5


def test_convolutional_backbone_with_pooling():
    model = build(backbone=dict(type='mmpretrain.ResNet', depth=18), neck=dict(type='mmpretrain.GlobalAveragePooling'))
    model.attack.steps = 1
    data = batch(model, count=2, size=32)
    means = model.backbone.bn1.running_mean.clone()
    loss_of(model, data).backward()
    assert model.backbone.conv1.weight.grad.abs().max() > 0
    assert not torch.equal(model.backbone.bn1.running_mean, means), 'the student learns in training mode'
    teacher = DeACL(
        backbone=dict(type='mmpretrain.ResNet', depth=18), neck=dict(type='mmpretrain.GlobalAveragePooling')
    )
    assert {key.split('.')[0] for key in teacher.state_dict()} == {'backbone'}


def test_cost_counts_what_passes_the_networks():
    model = build()
    calls = []
    for network in (model.teacher, model.backbone):
        network.register_forward_hook(lambda *_: calls.append(1))
    loss_of(model, batch(model)).backward()
    assert model.cost.images == 3 and model.cost.forwards == 3 * len(calls) == 3 * 8
    assert model.cost.backwards == 3 * 7


def test_activation_checkpointing_changes_nothing():
    gradients = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        model = build(backbone=backbone_cfg('cls_token') | dict(with_cp=with_cp))
        loss_of(model, batch(model)).backward()
        gradients.append(parameters_to_vector(p.grad for p in model.parameters()))
    torch.testing.assert_close(*gradients)


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


def test_bfloat16_agrees_roughly():
    model = build()
    data = batch(model)
    with torch.autocast('cpu', torch.bfloat16):
        rough = model(**data, mode='loss')
    rough['loss_adversarial'].backward()
    assert all(p.grad is not None for p in model.parameters()), 'no cast weight without gradient was kept'
    exact = model(**data, mode='loss')
    torch.testing.assert_close(rough['loss_adversarial'], exact['loss_adversarial'], atol=0.1, rtol=0)


def test_another_teacher_starts_the_student(tmp_path):
    weights = build().backbone.vit.state_dict()
    save_file({key: value + 1 for key, value in weights.items()}, tmp_path / 'teacher.safetensors')
    teacher = backbone_cfg('cls_token') | dict(
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'teacher.safetensors'))
    )
    model = build(teacher=teacher)
    for network in (model.teacher, model.backbone):
        torch.testing.assert_close(network.vit.cls_token, weights['cls_token'] + 1)


def test_widths_must_agree(tmp_path):
    wide = dict(type='mmssl_robust.DINOVisionTransformer', arch=ARCH | dict(embed_dim=32), out_type='cls_token')
    with pytest.raises(UserError, match='the student cannot start from this teacher'):
        build(teacher=wide)
    save_file(build().backbone.vit.state_dict(), tmp_path / 'student.safetensors')
    student = backbone_cfg('cls_token') | dict(
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'student.safetensors'))
    )
    model = build(backbone=student, teacher=wide)
    with pytest.raises(UserError, match=r'do not fit each other: .*\(2, 1, 16\), .* \(2, 1, 32\)'):
        loss_of(model, batch(model, count=2))


@pytest.mark.parametrize(
    'settings, says',
    [
        (dict(tokens='all'), "unknown tokens='all'"),
        (dict(attack=ATTACK | dict(restarts=2)), 'attack.restarts=2'),
        (dict(attack=dict(type='PGD', objective=dict(type='CrossEntropy'))), 'CrossEntropy needs a task'),
        (dict(neck=dict(type='mmpretrain.LinearNeck', in_channels=16, out_channels=4)), 'LinearNeck has parameters'),
    ],
)
def test_settings_that_cannot_be(settings, says):
    with pytest.raises(UserError, match=says):
        DeACL(backbone=backbone_cfg('cls_token'), **settings)


def test_tokens_that_the_backbone_does_not_give():
    model = build('cls', backbone=backbone_cfg('featmap'))
    with pytest.raises(UserError, match='the encoder gives no cls tokens'):
        loss_of(model, batch(model))


def test_fingerprint_is_the_teachers():
    model = build()
    before = model.fingerprint()
    with torch.no_grad():
        model.backbone.vit.cls_token.add_(1)
    assert model.fingerprint() == before
    with torch.no_grad():
        model.teacher.vit.cls_token.add_(1e-3)
    assert model.fingerprint() != before


@pytest.mark.parametrize('norm', ['linf', 'l2'])
def test_a_gradient_that_overflows_is_noticed(norm):
    """As float16's may: the images, and with them the loss, are not finite either."""
    attack = dict(type='PGD', objective=dict(type='EmbeddingCosine'), norm=norm, eps=0.1, step_size=0.05, steps=1)
    model = build(attack=attack)
    model.attack.perturb = partial(model.attack.perturb, loss_scale=float('nan'))
    model._perturb = lambda space, inputs, target, samples: model.attack.perturb(
        lambda pixels: model._embed(model.backbone, space.to_inputs(pixels)), space.to_pixels(inputs), target
    )
    assert not loss_of(model, batch(model)).isfinite()


@pytest.mark.slow
def test_compiled_backbone_agrees():
    losses = []
    for compiled in (False, True):
        torch.manual_seed(0)
        model = build(compile_backbone=compiled)
        loss = loss_of(model, batch(model))
        loss.backward()
        losses.append((loss.detach(), parameters_to_vector(p.grad for p in model.parameters())))
        assert not any('_orig_mod' in key for key in model.state_dict())
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_mixed_precision_on_a_gpu(dtype):
    model = build().cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapper = AmpOptimWrapper(optimizer=optimizer, dtype=dtype, loss_scale=dict(enabled=dtype == 'float16'))
    wrapper.initialize_count_status(model, 0, 4)
    guard = FiniteGuard(wrapper)
    data = batch(model)
    generator = torch.Generator().manual_seed(0)
    images = [torch.randint(0, 256, (3, 16, 16), generator=generator, dtype=torch.uint8) for _ in range(3)]
    for _ in range(4):
        logs = model.train_step(dict(inputs=images, data_samples=data['data_samples']), guard)
        assert logs['loss'].isfinite() and logs['zero_grad'] < 0.01
