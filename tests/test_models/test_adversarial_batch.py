"""Embeddings that are computed, and paid for, when they are asked for."""

from types import SimpleNamespace

import pytest
import torch
from mmpretrain.structures import DataSample
from safetensors.torch import save_file
from toys import ARCH, backbone_cfg
from toys import method as build
from toys import method_batch as batch
from toys import method_loss as loss_of

from mmssl_robust.functional.pixel_space import PixelSpace
from mmssl_robust.models.algorithms import AdversarialBatch, Cost
from mmssl_robust.utils.errors import UserError


@pytest.fixture
def batch_of():
    """A batch on an encoder that gives its images' means, of these widths for student and teacher."""

    def make(student=2, teacher=2, data_samples=None):
        def encoder(width):
            return lambda inputs: asked.append(width) or inputs.mean(dim=(2, 3))[:, :1, None].expand(-1, 1, width)

        asked = []
        inputs = torch.arange(24.0).view(2, 3, 2, 2) / 24
        preprocessor = SimpleNamespace(mean=torch.tensor(0.0), std=torch.tensor(255.0))
        space = PixelSpace(preprocessor, inputs)
        made = AdversarialBatch(
            inputs, data_samples, space, encoder(student), encoder(teacher), lambda features: features, Cost()
        )
        made.adv = 1 - inputs
        return made, asked

    return make


def test_embeddings_are_computed_once_when_asked_for(batch_of):
    made, asked = batch_of()
    cost = made._cost
    assert not asked and cost == Cost()
    torch.testing.assert_close(made.pixels, made.inputs)
    torch.testing.assert_close(made.adversarial, 1 - made.clean)
    assert (cost.forwards, cost.backwards) == (4, 4)
    assert made.teacher is made.teacher and not made.teacher.requires_grad
    assert (cost.forwards, cost.backwards) == (6, 4) and len(asked) == 3


def test_what_an_attack_asks_is_not_counted_twice(batch_of):
    made, asked = batch_of()
    torch.testing.assert_close(made.embed(made.pixels), made.clean)
    assert len(asked) == 2 and made._cost.forwards == 2


def test_keys_are_the_samples(batch_of):
    samples = [DataSample(metainfo=dict(sample_idx=7)), DataSample()]
    assert batch_of(data_samples=samples)[0].keys == [7, 1]
    assert batch_of()[0].keys == [0, 1]


@pytest.mark.parametrize('order', [('teacher', 'clean'), ('adversarial', 'teacher')])
def test_widths_that_differ(order, batch_of):
    made, _ = batch_of(student=2, teacher=3)
    getattr(made, order[0])
    with pytest.raises(UserError, match=r'^teacher and student do not fit each other: embeddings \(2, 1, \d\), but'):
        getattr(made, order[1])


def test_cost_counts_what_passes_the_networks():
    model = build()
    calls = []
    for network in (model.teacher, model.backbone):
        network.register_forward_hook(lambda *_: calls.append(1))
    loss_of(model, batch(model)).backward()
    assert model.cost.images == 3 and model.cost.forwards == 3 * len(calls) == 3 * 8
    assert model.cost.backwards == 3 * 7


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


def test_tokens_that_the_backbone_does_not_give():
    model = build('cls', backbone=backbone_cfg('featmap'))
    with pytest.raises(UserError, match='the encoder gives no cls tokens'):
        loss_of(model, batch(model))
