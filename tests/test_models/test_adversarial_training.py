"""What methods of adversarial training share, shown on DeACL: student, teacher, embedding, precision."""

import pytest
import torch
from mmengine.optim import AmpOptimWrapper
from safetensors.torch import save_file
from torch.nn.utils import parameters_to_vector
from toys import backbone_cfg
from toys import method as build
from toys import method_batch as batch
from toys import method_loss as loss_of

from mmssl_robust.engine.finite import FiniteGuard
from mmssl_robust.models.algorithms import DeACL
from mmssl_robust.utils.errors import UserError


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
    embeddings = [model.embed((f,)) for f in (features, other)]
    cosine = torch.nn.functional.cosine_similarity
    expected = (cosine(features[1], other[1], dim=1) + cosine(features[0], other[0], dim=1).mean((1, 2))) / 2
    torch.testing.assert_close(model.adversaries[0].attack.objective.score(*embeddings), expected)


def test_convolutional_backbone_with_pooling():
    model = build(backbone=dict(type='mmpretrain.ResNet', depth=18), neck=dict(type='mmpretrain.GlobalAveragePooling'))
    model.adversaries[0].attack.steps = 1
    data = batch(model, count=2, size=32)
    means = model.backbone.bn1.running_mean.clone()
    loss_of(model, data).backward()
    assert model.backbone.conv1.weight.grad.abs().max() > 0
    assert not torch.equal(model.backbone.bn1.running_mean, means), 'the student learns in training mode'
    teacher = DeACL(
        backbone=dict(type='mmpretrain.ResNet', depth=18), neck=dict(type='mmpretrain.GlobalAveragePooling')
    )
    assert {key.split('.')[0] for key in teacher.state_dict()} == {'backbone'}


def test_activation_checkpointing_changes_nothing():
    gradients = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        model = build(backbone=backbone_cfg('cls_token') | dict(with_cp=with_cp))
        loss_of(model, batch(model)).backward()
        gradients.append(parameters_to_vector(p.grad for p in model.parameters()))
    torch.testing.assert_close(*gradients)


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


@pytest.mark.parametrize(
    'settings, says',
    [
        (dict(tokens='all'), "unknown tokens='all'"),
        (dict(neck=dict(type='mmpretrain.LinearNeck', in_channels=16, out_channels=4)), 'LinearNeck has parameters'),
    ],
)
def test_settings_that_cannot_be(settings, says):
    with pytest.raises(UserError, match=says):
        DeACL(backbone=backbone_cfg('cls_token'), **settings)


def test_fingerprint_is_the_teachers():
    model = build()
    before = model.fingerprint()
    with torch.no_grad():
        model.backbone.vit.cls_token.add_(1)
    assert model.fingerprint() == before
    with torch.no_grad():
        model.teacher.vit.cls_token.add_(1e-3)
    assert model.fingerprint() != before


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
