"""Feature distillation learns to predict the teacher's tokens."""

import pytest
import torch

from mmssl_robust.registry import MODELS

TINY = dict(img_size=16, patch_size=8, embed_dim=12, depth=1, num_heads=2)


def build():
    torch.manual_seed(0)
    backbone = dict(type='DINOVisionTransformer', arch=TINY, out_type='featmap_cls')
    return MODELS.build(
        dict(
            type='mmssl_robust.FeatureDistillation',
            backbone=backbone,
            embed_dims=12,
            teacher_dims=5,
            mean=[127.5] * 3,
            std=[127.5] * 3,
            patch_weight=0.5,
        )
    )


def batch():
    return dict(
        inputs=torch.randint(0, 256, (8, 3, 16, 16), dtype=torch.uint8),
        cls=torch.randn(8, 5),
        patches=torch.randn(8, 5, 2, 2),
    )


def test_losses_are_mean_squared_errors():
    model, data = build(), batch()
    losses = model(**data)
    ((featmap, cls_token),) = model.backbone((data['inputs'] - 127.5) / 127.5)
    cls = cls_token @ model.cls_predictor.weight.T + model.cls_predictor.bias
    weight = model.patch_predictor.weight.flatten(1)
    patches = torch.einsum('oc,bchw->bohw', weight, featmap) + model.patch_predictor.bias.view(-1, 1, 1)
    torch.testing.assert_close(losses['loss_cls_token'], (cls - data['cls']).square().mean())
    torch.testing.assert_close(losses['loss_patch_tokens'], 0.5 * (patches - data['patches']).square().mean())


def test_training_lowers_both_losses_and_reaches_every_parameter():
    model, data = build(), batch()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    history = []
    for _ in range(60):
        losses = model(**data)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        assert all(p.grad is not None for p in model.parameters())
        optimizer.step()
        history.append([float(loss.detach()) for loss in losses.values()])
    assert history[-1][0] < 0.5 * history[0][0] and history[-1][1] < 0.8 * history[0][1]


def test_no_other_mode():
    with pytest.raises(ValueError, match='predict'):
        build()(**batch(), mode='predict')
