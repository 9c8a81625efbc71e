"""Distillation with the teacher beside the student."""

import pytest
import torch

from mmssl_robust.models.algorithms.online_distillation import on_grid
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.pretrained import initialise

STUDENT = dict(img_size=16, patch_size=8, embed_dim=12, depth=1, num_heads=2)
TEACHER = dict(img_size=20, patch_size=10, embed_dim=8, depth=3, num_heads=2)
PREPROCESSOR = dict(mean=[127.5] * 3, std=[127.5] * 3, to_rgb=False)


def build(**settings):
    torch.manual_seed(0)
    defaults = dict(
        type='mmssl_robust.OnlineDistillation',
        backbone=dict(type='mmssl_robust.DINOVisionTransformer', arch=STUDENT, out_type='featmap_cls'),
        teacher=dict(
            type='mmssl_robust.DINOVisionTransformer',
            arch=TEACHER,
            out_type='featmap_cls',
            out_indices=(0, 2),
            final_norm=False,
        ),
        data_preprocessor=PREPROCESSOR,
        grids=(2,),
    )
    model = MODELS.build(defaults | settings)
    model.init_weights()
    return model.train()


def standardised(tokens):
    flat = tokens.flatten(0, -2)
    return (flat - flat.mean(0)) / (flat.var(0, unbiased=False) + 1e-5).sqrt()


def test_losses_are_mean_squared_errors_of_standardised_tokens_of_all_blocks():
    model, images = build(patch_weight=0.5), torch.randn(6, 3, 20, 20)
    losses = model(images)
    with torch.no_grad():
        blocks = model.teacher(images)
        ((featmap, cls_token),) = model.backbone(on_grid(images, 2, 8))
    cls = standardised(torch.cat([cls for _, cls in blocks], dim=-1))
    patches = standardised(torch.cat([maps.flatten(2).transpose(1, 2) for maps, _ in blocks], dim=-1))
    found = featmap.flatten(2).transpose(1, 2).flatten(0, 1)
    errors = dict(
        loss_cls=(model.predictors['cls'](cls_token) - cls).square().mean(),
        loss_patch=0.5 * (model.predictors['patch'](found) - patches).square().mean(),
    )
    torch.testing.assert_close(losses, errors, rtol=1e-4, atol=1e-5)


def test_both_see_the_same_grid_at_their_own_patch_size():
    model, seen = build(grids=(2, 3)), []
    for network in (model.backbone, model.teacher):
        network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[-1]))
    for _ in range(12):
        model(torch.randn(4, 3, 30, 30))
    teacher, student = seen[0::2], seen[1::2]
    assert [side // 10 for side in teacher] == [side // 8 for side in student]
    assert set(student) == {16, 24}


def test_mixed_images_are_between_two():
    model, images = build(mix_prob=1.0), torch.rand(4, 3, 20, 20)
    mixed = model._mixed(images)
    weight = ((mixed - images.flip(0)) / (images - images.flip(0))).median()
    assert 0 <= weight <= 1
    torch.testing.assert_close(mixed, weight * images + (1 - weight) * images.flip(0))
    assert build()._mixed(images) is images


def test_the_teacher_is_in_no_checkpoint_and_never_learns():
    model = build()
    assert not [name for name in model.state_dict() if 'teacher' in name]
    before = {name: value.clone() for name, value in model.teacher.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    images, history = torch.randn(8, 3, 20, 20), []
    for _ in range(60):
        loss = sum(model(images).values())
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None for p in model.parameters())
        optimizer.step()
        history.append(float(loss.detach()))
    assert history[-1] < 0.8 * history[0]
    torch.testing.assert_close(model.teacher.state_dict(), before, rtol=0, atol=0)


def test_the_fingerprint_is_the_teachers(tmp_path):
    model = build()
    weights = {name: value + 1 for name, value in model.teacher.state_dict().items()}
    torch.save(weights, tmp_path / 'teacher.pth')
    before = model.fingerprint()
    teacher = model.teacher
    teacher.init_cfg, teacher._is_init = dict(type='Pretrained', checkpoint=str(tmp_path / 'teacher.pth')), False
    initialise(teacher)
    assert model.fingerprint() != before


def test_images_that_fit_are_left_alone():
    images = torch.rand(1, 3, 16, 16)
    assert on_grid(images, 2, 8) is images
    torch.testing.assert_close(on_grid(torch.full((1, 3, 16, 16), 0.5), 3, 8), torch.full((1, 3, 24, 24), 0.5))


def test_no_other_mode():
    with pytest.raises(ValueError, match='predict'):
        build()(torch.rand(2, 3, 20, 20), mode='predict')
