"""Each transformation in itself, and the gradient that an attacker takes for its own."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from mmssl_robust.defences import JPEG, Blur, Dither, Downscale, Quantise, defend
from mmssl_robust.utils.errors import UserError

IMAGES = torch.rand(2, 3, 12, 10, generator=torch.Generator().manual_seed(0))
STEPS = [JPEG(50), Quantise(4), Dither(4)]
SMOOTH = [Blur(0.7), Downscale(0.5)]


def gradient(defence, bpda):
    images, weights = IMAGES.clone().requires_grad_(), torch.linspace(-1, 1, IMAGES.numel()).view_as(IMAGES)
    return weights, torch.autograd.grad((defend(defence, images, bpda) * weights).sum(), images)[0]


def test_quantise_rounds_to_equal_steps():
    values = torch.tensor([0.0, 0.16, 0.17, 0.5, 0.84, 1.0]).expand(1, 3, 1, 6)
    assert torch.allclose(Quantise(4)(values)[0, 0, 0], torch.tensor([0, 0, 1, 2, 3, 3]) / 3)


def test_dither_keeps_the_mean_and_has_two_levels():
    grey = torch.full((1, 3, 100, 100), 0.4)
    found = defend(Dither(3), grey)
    assert set(found.unique().tolist()) == {0.0, 0.5}
    assert abs(float(found.mean()) - 0.4) < 0.01
    assert torch.equal(defend(Dither(3), torch.ones(1, 3, 4, 4)), torch.ones(1, 3, 4, 4))


def test_jpeg_is_pillows():
    image = (IMAGES[0] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    file = BytesIO()
    Image.fromarray(image).save(file, 'JPEG', quality=50)
    wanted = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1) / 255
    assert torch.equal(JPEG(50)(IMAGES)[0], wanted)


def test_blur_spreads_a_point_as_a_gaussian():
    point = torch.zeros(1, 3, 15, 15)
    point[..., 7, 7] = 1
    found = Blur(1.0)(point)[0, 1]
    assert torch.isclose(found.sum(), torch.tensor(1.0))
    for rows, columns in ((1, 0), (1, 2), (3, 3)):
        wanted = np.exp(-(rows**2 + columns**2) / 2)
        assert float(found[7 + rows, 7 + columns] / found[7, 7]) == pytest.approx(wanted, rel=1e-5)
    edge = torch.ones(1, 3, 2, 9) * torch.linspace(0, 1, 3)[None, :, None, None]
    assert torch.allclose(Blur(2.0)(edge), edge, atol=1e-6)


def test_downscale_averages_and_keeps_the_size():
    assert Downscale(0.3)(IMAGES).shape == IMAGES.shape
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    assert torch.allclose(Downscale(0.5)(ramp)[..., 4:-4], ramp[..., 4:-4], atol=1e-5)
    board = (torch.arange(16) % 2).float().expand(1, 3, 16, 16)
    assert (Downscale(0.5)(board)[..., 2:-2] - 0.5).abs().max() < 0.2


@pytest.mark.parametrize('defence', STEPS, ids=lambda one: type(one).__name__)
def test_bpda_goes_back_as_the_identity_and_forward_as_the_defence(defence):
    weights, grad = gradient(defence, bpda=True)
    assert torch.equal(grad, weights)
    assert torch.equal(defend(defence, IMAGES), defend(defence, IMAGES, bpda=False))
    assert not gradient(defence, bpda=False)[1].any()


@pytest.mark.parametrize('defence', SMOOTH, ids=lambda one: type(one).__name__)
def test_what_is_smooth_is_differentiated(defence):
    """Against differences: it is linear, so that these are exact."""
    weights, grad = gradient(defence, bpda=True)
    assert torch.equal(grad, gradient(defence, bpda=False)[1]) and not torch.equal(grad, weights)
    step = torch.randn(IMAGES.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    change = (defend(defence, IMAGES.double() + step) - defend(defence, IMAGES.double())) * weights
    assert float(change.sum()) == pytest.approx(float((grad * step).sum()), rel=1e-4)


def test_a_draw_follows_from_seed_key_and_call_alone():
    dither = Dither(2)
    found = defend(dither, IMAGES, seed=3, keys=[7, 9], calls=[0, 2])
    assert torch.equal(defend(dither, IMAGES[1:], seed=3, keys=[9], calls=[2])[0], found[1])
    for other in (dict(seed=4, calls=[2]), dict(seed=3, calls=[1]), dict(seed=3, keys=[8], calls=[2])):
        assert not torch.equal(defend(dither, IMAGES[1:], **(dict(keys=[9]) | other))[0], found[1])


def test_a_module_of_ones_own():
    class Inverted(torch.nn.Module):
        def forward(self, pixels):
            return 1 - pixels

    weights, grad = gradient(Inverted(), bpda=True)
    assert torch.equal(grad, weights) and torch.equal(defend(Inverted(), IMAGES), 1 - IMAGES)
    assert torch.equal(gradient(Inverted(), bpda=False)[1], -weights)
    with pytest.raises(UserError, match=r'made \(2, 3, 6, 10\) of images \(2, 3, 12, 10\)'):
        defend(torch.nn.MaxPool2d((2, 1)), IMAGES)


@pytest.mark.parametrize(
    ('kind', 'settings'),
    [
        (JPEG, dict(quality=0)), (JPEG, dict(quality=96)), (Quantise, dict(levels=1)), (Dither, dict(levels=2.0)),
        (Blur, dict(sigma=0)), (Blur, dict(sigma=float('nan'))), (Downscale, dict(scale=0)), (Downscale, dict(scale=2)),
    ],
)  # fmt: skip
def test_settings_out_of_range(kind, settings):
    with pytest.raises(UserError, match='give a'):
        kind(**settings)
