"""Eq. (3) on a hand-computed example of 3 x 3 pixels."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmssl_robust.functional.gradient_matching import gradient_matching_loss
from mmssl_robust.models.losses import GradientLoss

LOG_DIFFERENCE = torch.tensor([[0, 1, 3], [2, 2, 2], [0, 5, 1]], dtype=torch.float64).view(1, 1, 3, 3)


def example():
    """Depths with the log-difference above, and a mask without the pixel in the middle."""
    target = torch.tensor([[1, 2, 4], [3, 0.5, 1], [2, 2, 5]], dtype=torch.float64).view(1, 1, 3, 3)
    mask = torch.ones(1, 1, 3, 3, dtype=torch.bool)
    mask[..., 1, 1] = False
    return target * LOG_DIFFERENCE.exp(), target, mask


# Scale 0, 8 valid pixels: along the rows 1 + 2, 5 + 4; down the columns 2 + 2, 1 + 1. None touches the middle.
# Scale 1, the 4 corners 0 3 / 0 1: along the rows 3 + 1, down the columns 0 + 2. Scales 2 and 3: one pixel.
@pytest.mark.parametrize('scales, expected', [(1, 18 / 8), (2, 18 / 8 + 6 / 4), (4, 18 / 8 + 6 / 4)])
def test_by_hand(scales, expected):
    assert gradient_matching_loss(*example(), scales=scales).tolist() == pytest.approx([expected], rel=1e-13)


def test_masked_pixels_may_be_missing():
    pred, target, mask = example()
    target[..., 1, 1] = 0
    pred[..., 1, 1] = 1
    pred.requires_grad_()
    loss = gradient_matching_loss(pred, target, mask)
    (gradient,) = torch.autograd.grad(loss.sum(), pred)
    assert loss.item() == pytest.approx(3.75, rel=1e-13)
    assert gradient[..., 1, 1].item() == 0
    assert gradient.isfinite().all()


@pytest.mark.parametrize('axis', [-2, -1])
def test_rows_and_columns_both_count(axis):
    """A ramp of slope 1 along one axis has height * width - 6 differences of 1 at scale 0."""
    ramp = torch.arange(6, dtype=torch.float64)
    ramp = (ramp.view(6, 1) if axis == -2 else ramp.view(1, 6)).expand(1, 1, 6, 6)
    ones = torch.ones_like(ramp)
    loss = gradient_matching_loss(ramp.exp(), ones, ones.bool(), scales=1)
    assert loss.item() == pytest.approx(30 / 36, rel=1e-13)


def test_images_are_independent():
    pred, target = torch.rand(2, 3, 1, 9, 7, dtype=torch.float64) + 0.5
    mask = torch.rand(3, 1, 9, 7) > 0.3
    together = gradient_matching_loss(pred, target, mask)
    alone = [gradient_matching_loss(pred[i : i + 1], target[i : i + 1], mask[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))


@given(factor=st.floats(0.1, 10))
def test_scale_of_the_depth_is_ignored(factor):
    pred, target, mask = example()
    assert gradient_matching_loss(factor * pred, target, mask).item() == pytest.approx(3.75, rel=1e-9)


def test_gradient():
    target = torch.rand(1, 1, 5, 4, dtype=torch.float64) + 0.5
    pred = (torch.rand_like(target) + 0.5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: gradient_matching_loss(x, target, target > 0.7), pred)


def test_no_valid_pixel_gives_zero():
    pred, target, mask = example()
    pred.requires_grad_()
    loss = gradient_matching_loss(pred, target, torch.zeros_like(mask))
    (gradient,) = torch.autograd.grad(loss.sum(), pred)
    assert loss.item() == 0
    assert gradient.abs().max() == 0


def test_module_masks_averages_and_weights():
    pred, target, mask = example()
    missing = torch.where(mask, target, torch.zeros_like(target))
    too_far = torch.where(mask, target, torch.full_like(target, 10.0))
    settings = dict(strides=(1, 2, 4, 8), apart=1, pooled=False)
    loss = GradientLoss(**settings)(torch.cat((pred, pred)), torch.cat((missing, too_far)), ignore_index=255)
    assert loss.item() == pytest.approx(0.5 * 3.75, rel=1e-13)


def test_neighbours_and_scales_of_dinov2():
    """Neighbours 2 apart at strides of 1, 2, 4 and 6, each scale over the valid pixels of the batch; in NumPy."""
    rng = np.random.default_rng(0)
    pred, target = rng.uniform(0.5, 9, (2, 2, 1, 19, 23))
    target[0, 0, 3:7], target[1, 0, :, :4] = 0, 20
    expected = 0.0
    for stride in (1, 2, 4, 6):
        p, t = pred[..., ::stride, ::stride], target[..., ::stride, ::stride]
        valid = (t > 1e-3) & (t < 10)
        g = np.where(valid, np.log(p) - np.log(np.where(valid, t, 1)), 0)
        down = np.abs(g[..., 2:, :] - g[..., :-2, :])[valid[..., 2:, :] & valid[..., :-2, :]]
        across = np.abs(g[..., 2:] - g[..., :-2])[valid[..., 2:] & valid[..., :-2]]
        expected += (down.sum() + across.sum()) / valid.sum()
    maps = torch.from_numpy(pred), torch.from_numpy(target)
    assert GradientLoss()(*maps).item() == pytest.approx(0.5 * expected, rel=1e-12)


def test_pooling_weighs_images_by_their_valid_pixels():
    ramp = torch.arange(8, dtype=torch.float64).expand(2, 1, 8, 8)
    target = torch.ones_like(ramp)
    target[1, :, 1:] = 0  # of the second image one row is known: differences across it alone
    settings = dict(strides=(1,), apart=1, loss_weight=1)
    assert GradientLoss(**settings)(ramp.exp(), target).item() == pytest.approx((56 + 7) / 72, rel=1e-12)
    assert GradientLoss(pooled=False, **settings)(ramp.exp(), target).item() == pytest.approx(56 / 64, rel=1e-12)
