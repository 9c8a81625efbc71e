"""Geometry of the norm balls, against closed forms."""

import numpy as np
import pytest
import torch

from mmssl_robust.attacks import L2, Linf
from mmssl_robust.attacks.noise import random_start
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import parse_number


@pytest.mark.parametrize(
    ('value', 'number'),
    [
        ('8/255', 8 / 255),
        (' 8 / 255 ', 8 / 255),
        ('0.03', 0.03),
        ('1e-2', 0.01),
        ('0.5/255', 0.5 / 255),
        (0.5, 0.5),
        (1, 1.0),
    ],
)
def test_numbers(value, number):
    assert parse_number(value, 'eps') == number


@pytest.mark.parametrize('value', ['8/0', 'eight', '', None, [1], float('nan'), float('inf'), '8/255/2'])
def test_no_numbers(value):
    with pytest.raises(UserError, match='^eps='):
        parse_number(value, 'eps')


@pytest.mark.parametrize(
    ('threat', 'eps', 'says'),
    [(Linf, -0.1, 'negative'), (L2, '-1/255', 'negative'), (Linf, 8, '8/255'), (Linf, 1.0001, 'above 1')],
)
def test_radius_is_checked(threat, eps, says):
    with pytest.raises(UserError, match=says):
        threat(eps)


def test_the_widest_radii_are_allowed():
    assert Linf(1).eps == 1
    assert L2(8).eps == 8


def test_linf_by_hand():
    threat = Linf(0.25)
    delta = torch.tensor([0.5, -0.125, -2.0, 0.0], dtype=torch.float64).reshape(1, 1, 2, 2)
    assert threat.project(delta).flatten().tolist() == [0.25, -0.125, -0.25, 0.0]
    assert threat.ascent(delta, 0.5).flatten().tolist() == [0.5, -0.5, -0.5, 0.0]
    assert threat.size(torch.cat((delta, delta / 4))).tolist() == [2.0, 0.5]


def test_l2_by_hand():
    threat = L2(1)
    delta = torch.tensor([3.0, 0.0, -4.0, 0.0], dtype=torch.float64).reshape(1, 1, 2, 2)
    batch = torch.cat((delta, delta / 10, delta * 0))
    expected = torch.stack((delta[0] / 5, delta[0] / 10, delta[0] * 0))
    torch.testing.assert_close(threat.project(batch), expected, rtol=0, atol=1e-15)
    assert threat.size(batch).tolist() == [5.0, 0.5, 0.0]
    expected = torch.stack((delta[0] / 5, delta[0] / 5, delta[0] * 0)) * 0.1
    torch.testing.assert_close(threat.ascent(batch, 0.1), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize('scale', [1e-42, 1e-25, 1.0, 1e25])
def test_l2_step_keeps_its_length_for_any_gradient(scale):
    """Squares of 1e-25 are zero in float32: a naive norm would stop the attack on a saturated model."""
    grad = torch.ones(1, 3, 4, 4) * scale
    assert grad.abs().min() > 0
    torch.testing.assert_close(L2(1).size(L2(1).ascent(grad, 0.5)), torch.tensor([0.5]))


def test_zero_radius_allows_nothing():
    delta = torch.randn(2, 3, 4, 4)
    for threat in (Linf(0), L2(0)):
        assert threat.project(delta).abs().max() == 0
        assert not threat.project(torch.zeros_like(delta)).isnan().any()


def test_linf_random_is_uniform():
    draws = Linf(0.5).random(20000, np.random.default_rng(0))
    assert np.abs(draws).max() <= 0.5
    np.testing.assert_allclose(
        np.quantile(draws, [0.05, 0.25, 0.5, 0.75, 0.95]), [-0.45, -0.25, 0, 0.25, 0.45], atol=0.02
    )


def test_l2_random_is_uniform_in_the_ball():
    """The radius of a uniform point in d dimensions, to the power d, is uniform; its mean is 0."""
    draws = np.stack([L2(2).random(3, np.random.default_rng(seed)) for seed in range(4000)])
    volume = (np.linalg.norm(draws, axis=1) / 2) ** 3
    assert volume.max() <= 1 + 1e-12
    np.testing.assert_allclose(np.quantile(volume, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.03)
    np.testing.assert_allclose(draws.mean(0), 0, atol=0.06)


@pytest.mark.parametrize('threat', [Linf(0.1), L2(1)])
def test_noise_follows_from_seed_key_and_restart_alone(threat):
    images = torch.zeros(3, 3, 5, 7)
    noise = random_start(threat, images, [4, 0, 9], seed=1, restart=0)
    again = random_start(threat, images[:2], [9, 4], seed=1, restart=0)
    assert torch.equal(again[0], noise[2])
    assert torch.equal(again[1], noise[0])
    assert torch.equal(random_start(threat, images.double(), [4, 0, 9], 1, 0).float(), noise)
    others = [
        random_start(threat, images[:1], [key], seed, restart)[0]
        for key, seed, restart in ((4, 2, 0), (4, 1, 1), (1, 4, 0))
    ]
    for other in others:
        assert not torch.equal(other, noise[0])


@pytest.mark.parametrize('threat', [Linf(0.1), L2(1)])
def test_padding_does_not_change_the_noise(threat):
    """An image beside a larger one is padded: its noise, and so its result, must stay the same."""
    small = random_start(threat, torch.zeros(1, 3, 4, 5), [7], 0, 0)
    mask = torch.zeros(1, 1, 9, 8, dtype=torch.bool)
    mask[..., 2:6, 1:6] = True
    padded = random_start(threat, torch.zeros(1, 3, 9, 8), [7], 0, 0, mask)
    assert torch.equal(padded[..., 2:6, 1:6], small)
    assert padded.masked_select(~mask).abs().max() == 0


def test_nothing_is_drawn_without_a_pixel():
    noise = random_start(L2(1), torch.zeros(1, 3, 2, 2), [0], 0, 0, torch.zeros(1, 1, 2, 2, dtype=torch.bool))
    assert noise.abs().max() == 0
