"""Auto-PGD: optima of linear models, its schedule, its stages."""

import pytest
import torch
from toys import Peak

from mmssl_robust.attacks import APGD, PGD, CrossEntropy, Objective
from mmssl_robust.attacks.apgd import L1_STAGES, SEA_STAGES, checkpoints_of
from mmssl_robust.utils.errors import UserError


def linear(seed=0, size=(3, 6, 5)):
    weight = torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return weight, lambda x: (weight * x).sum(dim=(1, 2, 3))


def images(batch=3, size=(3, 6, 5), low=0.0, high=1.0):
    random = torch.rand(batch, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return low + (high - low) * random


def network(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.Tanh(), torch.nn.Conv2d(8, 8, 3), torch.nn.Tanh(),
        torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(32, 5),
    ).double()  # fmt: skip


def l1_optimum(weight, inputs, eps):
    """Fill the entries of the largest weights up to the box."""
    delta = torch.zeros_like(inputs)
    room = torch.where(weight > 0, 1 - inputs, inputs)
    for image, limit in zip(delta.flatten(1), room.flatten(1)):
        left = eps
        for place in weight.flatten().abs().argsort(descending=True):
            image[place] = weight.flatten()[place].sign() * min(left, limit[place])
            left = max(left - limit[place], 0)
    return delta


def test_linf_optimum():
    weight, forward = linear()
    inputs = images()
    result = APGD(Peak(), eps=0.1, steps=20)(forward, inputs)
    torch.testing.assert_close(result.adv, (inputs + 0.1 * weight.sign()).clamp(0, 1), rtol=0, atol=1e-12)


def test_l2_optimum():
    weight, forward = linear()
    inputs = images(low=0.4, high=0.6)
    result = APGD(Peak(), 'l2', 0.3, steps=60)(forward, inputs)
    best = forward(inputs) + 0.3 * weight.norm()
    assert (result.loss <= best + 1e-12).all()
    torch.testing.assert_close(result.loss, best, rtol=1e-4, atol=0)


@pytest.mark.parametrize('stages', [((1.0, 1.0),), L1_STAGES])
def test_l1_optimum_in_the_box(stages):
    weight, forward = linear()
    inputs = images()
    result = APGD(Peak(), 'l1', 4, steps=100, stages=stages)(forward, inputs)
    gain = (weight * l1_optimum(weight, inputs, 4)).sum(dim=(1, 2, 3))
    reached = result.loss - forward(inputs)
    assert (reached <= gain + 1e-9).all()
    assert (reached >= 0.99 * gain).all()
    # Steps that know no box do not get there.
    pgd = PGD(Peak(), 'l1', 4, step_size=0.4, steps=100)(forward, inputs)
    assert (result.loss > pgd.loss).all()


def test_checkpoints_of_the_paper():
    assert list(checkpoints_of(100, 0.22, 0.03, 0.06)) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert list(checkpoints_of(100, 0.04, 0.0, 0.04)) == list(range(4, 100, 4))
    assert list(checkpoints_of(1, 0.22, 0.03, 0.06)) == []


class Scripted(Objective):
    """A loss whose values are given, whatever the images, with a gradient of ones."""

    def __init__(self, losses):
        self.losses = iter(losses)

    def prepare(self, forward, inputs, targets):
        return torch.zeros(len(inputs))

    def __call__(self, outputs, targets, step, steps):
        return outputs - outputs.detach() + next(self.losses)

    def score(self, outputs, targets):
        return torch.zeros(len(outputs))

    def success(self, outputs, targets):
        return torch.zeros(len(outputs), dtype=torch.bool)


@pytest.mark.parametrize(
    ('rising', 'lengths'),
    [
        (True, [2, 2, 2, 2]),  # every step raises the loss
        (False, [2, 1, 0.5, 0.25]),  # none does
    ],
)
def test_steps_are_halved_at_checkpoints_without_progress(monkeypatch, rising, lengths):
    seen = []
    attack = APGD(Scripted(range(12) if rising else range(12, 0, -1)), eps=0.25, steps=10, momentum=1.0)
    ascent = type(attack.threat).ascent

    def watched(threat, grad, length):
        seen.append(float(length) / threat.eps)
        return ascent(threat, grad, length)

    monkeypatch.setattr(type(attack.threat), 'ascent', watched)
    attack(lambda x: x.sum(dim=(1, 2, 3)), torch.full((1, 1, 2, 2), 0.5))
    # Checkpoints of 10 steps: after 2, 3, 4, ... (intervals 2, 1, 1).
    assert [seen[place] for place in (0, 2, 3, 4)] == lengths


def test_stages_end_in_the_ball_and_are_used():
    sizes, inputs = [], images(low=0.3, high=0.7)
    _, forward = linear()
    attack = APGD(Peak(), eps=0.1, steps=20, stages=SEA_STAGES)

    def watched(x):
        sizes.append(float((x - inputs).abs().max()))
        return forward(x)

    result = attack(watched, inputs)
    assert 0.2 - 1e-9 < max(sizes[2:7]) <= 0.2 + 1e-9
    assert 0.15 - 1e-9 < max(sizes[8:14]) <= 0.15 + 1e-9
    assert max(sizes[14:]) <= 0.1 + 1e-9
    assert (result.norm <= 0.1 + 1e-9).all()
    # One look at the start of each of the three stages beyond the steps.
    assert result.forwards.eq(20 + 3).all() and result.backwards.eq(20).all()


@pytest.mark.parametrize(('norm', 'eps'), [('linf', 0.03), ('l2', 0.3), ('l1', 4)])
def test_no_weaker_than_pgd_with_as_many_steps(norm, eps):
    net, inputs = network(), images(16, (3, 10, 10))
    targets = net(inputs).argmax(dim=1)
    apgd = APGD(CrossEntropy(), norm, eps, steps=40)(net, inputs, targets)
    pgd = PGD(CrossEntropy(), norm, eps, step_size=eps / 4, steps=40)(net, inputs, targets)
    assert apgd.success.sum() >= pgd.success.sum()
    assert apgd.loss.mean() >= pgd.loss.mean() * 0.999


def test_batch_changes_nothing():
    net, inputs = network(), images(4, (3, 10, 10))
    alone = lambda x: torch.cat([net(image[None]) for image in x])  # noqa: E731
    targets = torch.tensor([0, 1, 2, 3])
    attack = APGD(CrossEntropy(), eps=0.02, steps=12, restarts=2)
    together = attack(alone, inputs, targets, keys=[5, 6, 7, 8])
    for place in range(4):
        single = attack(alone, inputs[[place]], targets[[place]], keys=[5 + place])
        assert torch.equal(single.adv, together.adv[[place]])


@pytest.mark.parametrize(
    ('settings', 'says'),
    [
        (dict(steps=0), 'at least 1'),
        (dict(stages=((0.5, 1.0),)), 'add up to 1'),
        (dict(stages=((0.5, 1.0), (0.5, 2.0))), 'the last is 1'),
        (dict(rho=0), 'rho=0'),
        (dict(momentum=1.5), 'momentum=1.5'),
    ],
)
def test_bad_settings(settings, says):
    with pytest.raises(UserError, match=says):
        APGD(CrossEntropy(), **settings)
