"""The baselines compute what the package computes, and cost what they are said to."""

import pytest
import torch
from attack_speed import models
from attack_speed.cases import (
    CASES,
    active_set,
    deacl_step,
    dense_tail,
    depthpgd,
    embed_attack,
    pgd,
    segpgd,
)
from attack_speed.cases.pipeline import float_pipeline, uint8_pipeline, write_jpegs
from attack_speed.contest import Settings
from attack_speed.counting import flops
from attack_speed.dense_baselines import windows
from attack_speed.encoder import encode, explicit_attention, fused_attention
from toys import ARCH

from mmssl_robust.functional.tokens import windows as attack_windows
from mmssl_robust.models.backbones import DINOVisionTransformer

DOUBLE = Settings(batch_size=2, dtype=torch.float64)
BUILDERS = dict(
    pgd=lambda settings: pgd(settings, ARCH, size=24, steps=2),
    embed=lambda settings: embed_attack(settings, ARCH, size=24, steps=2),
    segpgd=lambda settings: segpgd(settings, ARCH, size=(30, 37), crop=16, stride=9, classes=5),
    tail=lambda settings: dense_tail(settings, size=(30, 37), crop=16, stride=9, classes=5, patch=8),
    depthpgd=lambda settings: depthpgd(settings, ARCH, size=(21, 30), bins=6),
    deacl=lambda settings: deacl_step(settings, ARCH, size=24),
)


@pytest.mark.parametrize('name', BUILDERS)
def test_gradients_agree(name, monkeypatch):
    monkeypatch.setattr(torch.Tensor, 'float', torch.Tensor.double)  # DeACL rounds its embeddings to float32
    contest = BUILDERS[name](DOUBLE)
    assert {'ours', 'textbook'} <= contest.gradients.keys()
    assert contest.pixels.dtype == torch.float64
    expected = contest.gradients['textbook'](contest.pixels)
    assert expected.abs().max() > 0
    for contender in contest.gradients.keys() - contest.unlike:
        torch.testing.assert_close(contest.gradients[contender](contest.pixels), expected, rtol=1e-9, atol=1e-12)
    assert contest.examine()[1] < 1e-9


def test_encoder_written_out_is_the_packages():
    encoder = DINOVisionTransformer(ARCH | dict(reg_tokens=2, init_values=0.5), 'featmap_cls').eval()
    inputs = torch.randn(2, 3, 24, 16)
    featmap, cls_token = encoder(inputs)[-1]
    for attention in (explicit_attention, fused_attention):
        tokens = encode(encoder.vit, inputs, attention)
        torch.testing.assert_close(tokens[:, 0], cls_token)
        torch.testing.assert_close(tokens[:, 3:].transpose(1, 2), featmap.flatten(2))
        alone = encode(encoder.vit, inputs, attention, cls_only=True)
        torch.testing.assert_close(alone, cls_token[:, None])


def test_windows_are_those_of_the_package():
    model = models.segmentor(ARCH, crop=16, stride=9, classes=5)
    inputs = torch.arange(32.0 * 40).view(1, 1, 32, 40)
    expected = attack_windows(inputs, (16, 16), (9, 9))
    for (rows, columns), view in zip(windows(model, 32, 40), expected, strict=True):
        assert torch.equal(inputs[..., rows, columns], view)


@pytest.mark.parametrize(('name', 'textbook', 'floor'), [('pgd', 61, 39.6), ('embed', 63, 40.5), ('deacl', 23, 16.2)])
def test_counted_operations(name, textbook, floor):
    """Of a ViT-S/16 at 224 pixels, shrunk to an eighth in every measure."""
    arch = dict(img_size=30, patch_size=6, embed_dim=48, depth=12, num_heads=6, mlp_ratio=4.0)
    contest = CASES[name](Settings(batch_size=1), arch, size=30)
    counted, _ = contest.examine()
    assert counted['textbook'] == pytest.approx(textbook, abs=0.1)
    assert counted['floor'] == pytest.approx(floor, abs=0.25)
    assert counted['ours'] == pytest.approx(floor, abs=0.25)


def test_operations_of_a_gradient_for_a_modules_own_input():
    layer, inputs = torch.nn.Linear(3, 5), torch.ones(2, 3, requires_grad=True)
    assert flops(lambda: torch.autograd.grad(layer(inputs).sum(), inputs)) == 2 * (2 * 2 * 3 * 5)


def test_dropping_images_changes_no_outcome():
    contest = active_set(Settings(batch_size=3), ARCH, size=16, steps=3)
    assert 'the same images broken' in contest.notes
    for run in contest.runs.values():
        run()


def test_every_contender_runs():
    contest = BUILDERS['pgd'](Settings(batch_size=2))
    for run in contest.runs.values():
        run()
    assert {'ours', 'best', 'fast', 'textbook', 'floor'} <= contest.runs.keys()


def test_pipelines_give_the_same_batch_but_for_their_random_crops(tmp_path):
    paths = write_jpegs(tmp_path, 2, (60, 80), seed=0)
    uint8, floats = uint8_pipeline(paths, 'cpu')(), float_pipeline(paths, 'cpu')()
    assert uint8.shape == floats.shape == (2, 3, 224, 224)
    assert uint8.dtype == floats.dtype == torch.float32
    torch.testing.assert_close(uint8.mean(), floats.mean(), atol=0.5, rtol=0)
