"""Eq. (4) by hand, with the square that its print lacks."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmssl_robust.functional.scale_invariant_log import scale_invariant_log_loss
from mmssl_robust.models.losses import SigLoss


def depth(*log_values):
    """One image of one row whose logarithms are the given numbers."""
    return torch.tensor(log_values, dtype=torch.float64).exp().view(1, 1, 1, -1)


def everywhere(target):
    return torch.ones_like(target, dtype=torch.bool)


def test_by_hand():
    # g = 0.5 and 1.5: mean square 1.25, mean 1; without the square the root would be of 1.25 - 0.425.
    pred, target = depth(0.5, 2.5), depth(0, 1)
    loss = scale_invariant_log_loss(pred, target, everywhere(target))
    assert loss.tolist() == pytest.approx([math.sqrt(1.25 - 0.85)], rel=1e-14)


@pytest.mark.parametrize('rho, expected', [(0, math.sqrt(1.25)), (0.85, math.sqrt(0.4)), (1, 0.5)])
def test_rho_and_alpha(rho, expected):
    pred, target = depth(0.5, 1.5), depth(0, 0)
    loss = scale_invariant_log_loss(pred, target, everywhere(target), rho=rho, alpha=3)
    assert loss.item() == pytest.approx(3 * expected, rel=1e-14)


def test_masked_pixels_change_nothing_and_have_no_gradient():
    pred, target = depth(0.5, 1.5, 7), depth(0, 0, 0)
    target[..., 2] = 0  # a missing depth, whose logarithm is infinite
    pred.requires_grad_()
    loss = scale_invariant_log_loss(pred, target, target > 0)
    (gradient,) = torch.autograd.grad(loss.sum(), pred)
    assert loss.item() == pytest.approx(math.sqrt(0.4), rel=1e-14)
    assert gradient[..., 2].item() == 0
    assert gradient[..., :2].abs().min() > 0


@given(factor=st.floats(0.1, 10), seed=st.integers(0, 99))
def test_rho_one_forgives_every_scale(factor, seed):
    generator = torch.Generator().manual_seed(seed)
    pred, target = torch.rand(2, 1, 1, 4, 5, dtype=torch.float64, generator=generator) + 0.5
    mask = everywhere(target)
    loss = scale_invariant_log_loss(pred, target, mask, rho=1)
    torch.testing.assert_close(scale_invariant_log_loss(factor * pred, target, mask, rho=1), loss)
    # A wrong factor alone costs sqrt(1 - rho) of its logarithm.
    expected = math.sqrt(0.15) * abs(math.log(factor))
    assert scale_invariant_log_loss(factor * target, target, mask).item() == pytest.approx(expected, abs=1e-6)


def test_images_are_independent():
    pred, target = torch.rand(2, 3, 1, 4, 5, dtype=torch.float64) + 0.5
    mask = torch.rand(3, 1, 4, 5) > 0.3
    together = scale_invariant_log_loss(pred, target, mask)
    alone = [scale_invariant_log_loss(pred[i : i + 1], target[i : i + 1], mask[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_gradient():
    target = torch.rand(2, 1, 3, 3, dtype=torch.float64) + 0.5
    pred = (torch.rand_like(target) + 0.5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: scale_invariant_log_loss(x, target, target > 0.7), pred)


@pytest.mark.parametrize('valid', [True, False], ids=['perfect prediction', 'no valid pixel'])
def test_zero_loss_has_zero_gradient(valid):
    target = depth(0, 1, 2)
    pred = target.clone().requires_grad_()
    loss = scale_invariant_log_loss(pred, target, torch.full_like(target, valid, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(loss.sum(), pred)
    assert loss.item() == 0
    assert gradient.abs().max() == 0


def test_module_masks_averages_and_weights():
    pred = torch.cat((depth(0.5, 1.5, 3), depth(1, 1, 1)))
    target = torch.cat((depth(0, 0, 0), depth(0, 0, 0)))
    target[0, ..., 2] = 0
    target[1, ..., 1:] = torch.tensor([10.0, 11.0])  # at and beyond max_depth
    loss = SigLoss(loss_weight=2, pooled=False)(pred, target, ignore_index=255)
    assert loss.item() == pytest.approx(math.sqrt(0.4) + math.sqrt(0.15), rel=1e-14)


def test_a_batch_is_pooled_as_dinov2_does():
    """Eq. (4) in NumPy over all valid pixels: an image too near and one too far are not each forgiven their scale."""
    rng = np.random.default_rng(0)
    target = rng.uniform(0.5, 9, (3, 1, 4, 5))
    pred = target * np.array([0.5, 1.0, 2.0])[:, None, None, None] * rng.uniform(0.9, 1.1, target.shape)
    target[0, 0, :2], target[2, 0, 3] = 0, 12
    g = (np.log(pred) - np.log(np.where(target > 0, target, 1)))[(target > 1e-3) & (target < 10)]
    expected = np.sqrt((g**2).mean() - 0.85 * g.mean() ** 2)
    maps = torch.from_numpy(pred), torch.from_numpy(target)
    assert SigLoss()(*maps).item() == pytest.approx(expected, rel=1e-12)
    assert SigLoss(pooled=False)(*maps) < 0.7 * expected


def test_pooled_and_own_losses_of_two_constant_errors():
    pred, target = torch.full((2, 1, 2, 2), 2.0, dtype=torch.float64), torch.tensor([1.0, 4.0], dtype=torch.float64)
    maps = pred, target[:, None, None, None].expand_as(pred)
    assert SigLoss()(*maps).item() == pytest.approx(math.log(2), rel=1e-12)
    assert SigLoss(pooled=False)(*maps).item() == pytest.approx(math.sqrt(0.15) * math.log(2), rel=1e-12)
