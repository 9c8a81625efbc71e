"""Student and teacher of DINO: who sees what, who learns, who follows."""

import pytest
import torch

from mmssl_robust.models.algorithms import DINO
from mmssl_robust.utils.errors import UserError

TINY = dict(img_size=16, patch_size=8, embed_dim=12, depth=2, num_heads=2)


def dino(teacher_temp=0.04, seed=0, **backbone):
    torch.manual_seed(seed)
    model = DINO(
        backbone=dict(type='mmssl_robust.DINOVisionTransformer', arch=TINY) | backbone,
        head=dict(type='mmssl_robust.DINOHead', in_dim=12, out_dim=10, hidden_dim=16, bottleneck_dim=8),
    )
    model.teacher_temp = teacher_temp
    return model


def views(batch=3, sizes=(16, 16, 8, 8, 8), seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, 3, size, size, generator=generator, dtype=dtype) for size in sizes]


def perturb(module):
    for parameter in module.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)


def test_loss_is_made_of_single_views():
    """Batching crops of one size together mixes neither images nor views."""
    model, inputs = dino().double(), views(dtype=torch.float64)
    perturb(model.student)
    student = torch.stack([model.student.head(model.student.backbone(view)[0]) for view in inputs])
    teacher = torch.stack([model.teacher.head(model.teacher.backbone(view)[0]) for view in inputs[:2]])
    targets = model.criterion.targets(teacher, 0.04)
    expected = model.criterion(student, targets)
    losses = model(inputs)
    torch.testing.assert_close(losses['loss'], expected)
    torch.testing.assert_close(losses['teacher_entropy'], -(targets * targets.log()).sum(-1).mean())


def test_each_size_is_one_forward():
    model, batches = dino(), []
    model.student.backbone.register_forward_hook(lambda module, inputs, output: batches.append(inputs[0].shape))
    model.teacher.backbone.register_forward_hook(lambda module, inputs, output: batches.append(inputs[0].shape))
    model(views(batch=3))
    assert batches == [(6, 3, 16, 16), (6, 3, 16, 16), (9, 3, 8, 8)]


def test_every_parameter_of_the_student_and_none_of_the_teacher_gets_a_gradient():
    model = dino()
    model(views())['loss'].backward()
    lengths = model.student.head.last_layer.parametrizations.weight.original0
    without = [name for name, p in model.student.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == ['head.last_layer.parametrizations.weight.original0'] and not lengths.requires_grad
    assert all(p.grad is None and not p.requires_grad for p in model.teacher.parameters())


def test_moving_average_by_hand():
    model = dino()
    perturb(model.student)
    before = {name: p.clone() for name, p in model.teacher.named_parameters()}
    model.update_teacher(0.75)
    student = dict(model.student.named_parameters())
    for name, parameter in model.teacher.named_parameters():
        torch.testing.assert_close(parameter, 0.75 * before[name] + 0.25 * student[name])
    assert not torch.equal(model.teacher.backbone.vit.cls_token, before['backbone.vit.cls_token'])


@pytest.mark.parametrize('momentum, same_as', [(1.0, 'before'), (0.0, 'student')])
def test_extremes_of_the_moving_average(momentum, same_as):
    model = dino()
    expected = dict(before=model.teacher.backbone.vit.pos_embed.clone())
    perturb(model.student)
    expected['student'] = model.student.backbone.vit.pos_embed
    model.update_teacher(momentum)
    torch.testing.assert_close(model.teacher.backbone.vit.pos_embed, expected[same_as])


def test_centre_follows_the_global_views_of_the_teacher():
    model, inputs = dino(), views()
    expected = 0.1 * model.teacher(inputs[:2]).mean((0, 1))
    model(inputs)
    torch.testing.assert_close(model.criterion.centre, expected)


def test_teacher_stays_in_eval_mode():
    model = dino(drop_path_rate=0.5).train()
    assert model.student.training and not any(module.training for module in model.teacher.modules())
    inputs = views()
    torch.testing.assert_close(model.teacher(inputs), model.teacher(inputs), rtol=0, atol=0)


def test_init_weights_starts_the_teacher_from_the_student():
    model = dino()
    perturb(model.student)
    model.init_weights()
    torch.testing.assert_close(model.teacher.state_dict(), model.student.state_dict(), rtol=0, atol=0)


def test_init_weights_loads_a_checkpoint(tmp_path):
    other = dino(seed=1)
    torch.save(other.state_dict(), tmp_path / 'weights.pth')
    model = dino(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'weights.pth')))
    model.init_weights()
    for network in (model.student, model.teacher):
        torch.testing.assert_close(network.backbone.vit.pos_embed, other.teacher.backbone.vit.pos_embed)
    torch.testing.assert_close(model.teacher.state_dict(), model.student.state_dict())


def test_without_its_hook():
    with pytest.raises(UserError, match='DINOHook'):
        dino(teacher_temp=None)(views())


def test_unknown_mode():
    with pytest.raises(ValueError, match="no mode 'predict'"):
        dino()(views(), mode='predict')
