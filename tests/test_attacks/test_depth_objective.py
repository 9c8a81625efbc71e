"""The depth objective and DepthPGD, against logarithms worked out by hand."""

from math import log, sqrt

import pytest
import torch

from mmssl_robust.attacks import PGD, DepthAbsRel, DepthLoss, DepthPGD, DepthRMSE
from mmssl_robust.functional.gradient_matching import gradient_matching_loss
from mmssl_robust.functional.scale_invariant_log import scale_invariant_log_loss
from mmssl_robust.utils.errors import UserError

TARGETS = torch.full((1, 1, 8, 8), 2.0, dtype=torch.float64)


def test_constant_factor_by_hand():
    """A depth wrong by one factor everywhere has no gradient error, and sqrt(1 - 0.85) of its log as pixel error."""
    loss = DepthLoss()(3 * TARGETS, TARGETS, 1, 20)
    torch.testing.assert_close(loss, torch.tensor([sqrt(0.15) * log(3)], dtype=torch.float64), rtol=0, atol=2e-3)


def test_is_pixel_error_and_half_the_gradient_error():
    generator = torch.Generator().manual_seed(0)
    targets = 12 * torch.rand(3, 1, 8, 8, dtype=torch.float64, generator=generator)
    targets[0, :, :2] = 0
    depth = 0.1 + 9 * torch.rand(3, 1, 8, 8, dtype=torch.float64, generator=generator)
    mask = (targets > 1e-3) & (targets < 10)
    expected = scale_invariant_log_loss(depth, targets, mask) + 0.5 * gradient_matching_loss(depth, targets, mask)
    torch.testing.assert_close(DepthLoss()(depth, targets, 7, 20), expected)
    assert (gradient_matching_loss(depth, targets, mask) > 0.1).all()


def test_the_same_at_every_step():
    """No warm-up: the first step of an attack maximises the whole loss."""
    depth = TARGETS + torch.rand(1, 1, 8, 8)
    assert len({DepthLoss()(depth, TARGETS, step, 20).item() for step in range(1, 21)}) == 1


def test_missing_and_distant_depth_do_not_count():
    targets = TARGETS.clone()
    targets[..., 0, :] = 0
    targets[..., 1, :] = 10
    depth = (TARGETS + 1).requires_grad_()
    (grad,) = torch.autograd.grad(DepthLoss()(depth, targets, 1, 20).sum(), depth)
    assert (grad[..., :2, :] == 0).all()
    assert (grad[..., 2:, :] != 0).all()
    assert DepthLoss().score(depth.detach(), targets).tolist() == [-1.0]
    far = DepthLoss(max_depth=80)(depth, targets, 1, 20)
    assert far > DepthLoss()(depth, targets, 1, 20)


def test_image_without_depth():
    depth = (TARGETS + 1).requires_grad_()
    objective, nothing = DepthLoss(), torch.zeros_like(TARGETS)
    loss = objective(depth, nothing, 1, 20)
    (grad,) = torch.autograd.grad(loss.sum(), depth)
    assert loss.tolist() == [0]
    assert (grad == 0).all()
    assert objective.score(depth.detach(), nothing).tolist() == [0]
    assert objective.success(depth.detach(), nothing).tolist() == [False]


def test_score_is_minus_the_rmse():
    depth = TARGETS.clone()
    depth[..., :4, :] += 3
    torch.testing.assert_close(DepthLoss().score(depth, TARGETS), torch.tensor([-sqrt(4.5)], dtype=torch.float64))


@pytest.mark.parametrize(
    ('rows', 'factor', 'success'), [(4, 1.3, False), (5, 1.3, True), (5, 0.7, True), (8, 1.2, False)]
)
def test_success_is_delta1_below_one_half(rows, factor, success):
    depth = TARGETS.clone()
    depth[..., :rows, :] *= factor
    assert DepthLoss().success(depth, TARGETS).tolist() == [success]


def test_attack_moves_away_from_the_truth():
    """Depth is 1 m + 4 m x brightness, so 2 m at 1/4: with the truth nearer, all must brighten, farther, darken."""
    inputs = torch.full((2, 3, 8, 8), 0.25, dtype=torch.float64)
    targets = torch.cat((0.75 * TARGETS, 1.5 * TARGETS))
    attack = DepthPGD(eps=0.2, step_size=0.05, steps=5, random_start=False)
    result = attack(lambda x: 1 + 4 * x.mean(dim=1, keepdim=True), inputs, targets)
    torch.testing.assert_close(result.adv[0], inputs[0] + 0.2)
    torch.testing.assert_close(result.adv[1], inputs[1] - 0.2)
    torch.testing.assert_close(result.score, torch.tensor([-(2.8 - 1.5), -(3 - 1.2)], dtype=torch.float64))
    expected = [sqrt(0.15) * log(2.8 / 1.5), sqrt(0.15) * log(3 / 1.2)]
    torch.testing.assert_close(result.loss, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=2e-3)
    assert result.success.tolist() == [True, True]


def test_distant_depth_does_not_count_as_right():
    targets = TARGETS.clone()
    targets[..., 1:, :] = 11
    depth = targets.clone()
    depth[..., 0, :] = 5
    assert DepthLoss().success(depth, targets).tolist() == [True]
    assert DepthLoss(max_depth=80).success(depth, targets).tolist() == [False]


@pytest.mark.parametrize('settings', [dict(min_depth=-1), dict(max_depth=0), dict(min_depth=10)])
def test_bad_range(settings):
    with pytest.raises(UserError, match='min_depth'):
        DepthPGD(**settings)


def test_shapes():
    with pytest.raises(ValueError, match=r'\(B, 1, H, W\)'):
        DepthPGD()(lambda x: x[:, :1], torch.rand(2, 3, 8, 8), torch.ones(2, 8, 8))
    with pytest.raises(ValueError, match='targets are'):
        DepthPGD()(lambda x: x[:, :1], torch.rand(2, 3, 8, 8), torch.ones(2, 1, 4, 4))


@pytest.mark.parametrize('objective', [DepthLoss(), DepthRMSE(), DepthAbsRel()])
@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
def test_depth_that_is_not_finite_does_not_count(objective, value):
    inputs = torch.rand(1, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    missing, odd = TARGETS.clone(), TARGETS.clone()
    missing[..., :2], odd[..., :2] = 0, value
    forward = lambda x: 1 + x.sum(dim=1, keepdim=True)  # noqa: E731
    expected, found = (PGD(objective, steps=2)(forward, inputs, targets) for targets in (missing, odd))
    assert torch.equal(found.adv, expected.adv) and torch.equal(found.score, expected.score)
