"""The best attack is known on a linear model; on others, the textbook's loop is the reference."""

import pytest
import torch
import torch.nn.functional as F

from mmssl_robust.attacks import PGD, CrossEntropy, Linf, Objective
from mmssl_robust.attacks.noise import random_start


class Raise(Objective):
    """Raise the model's one output."""

    def __call__(self, outputs, targets, step, steps):
        return outputs

    def prepare(self, forward, inputs, targets):
        return torch.zeros(len(inputs))

    def score(self, outputs, targets):
        return -outputs

    def success(self, outputs, targets):
        return outputs > 0


def weights(dtype=torch.float64):
    weight = torch.randn(3, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert weight.abs().min() > 0
    return weight.to(dtype)


def grey(batch=2, dtype=torch.float64):
    """Images whose ball of radius .25 stays inside [0, 1]."""
    return 0.3 + 0.4 * torch.rand(batch, 3, 6, 5, dtype=dtype, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('random_start', [False, True])
@pytest.mark.parametrize('keep', ['best', 'last'])
def test_linf_optimum_of_a_linear_model_is_reached_exactly(dtype, random_start, keep):
    weight, inputs = weights(dtype), grey(dtype=dtype)
    attack = PGD(Raise(), eps=0.25, step_size=0.0625, steps=10, random_start=random_start, keep=keep)
    result = attack(lambda x: (weight * x).sum(dim=(1, 2, 3)) - 1, inputs)
    assert torch.equal(result.adv, inputs + 0.25 * weight.sign())
    optimum = (weight * inputs).sum(dim=(1, 2, 3)) - 1 + 0.25 * weight.abs().sum()
    torch.testing.assert_close(result.loss, optimum)


def test_linf_optimum_in_a_corner_of_the_image_range():
    weight, inputs = weights(), torch.rand(2, 3, 6, 5, dtype=torch.float64)
    result = PGD(Raise(), eps=0.5, step_size=0.2)(lambda x: (weight * x).sum(dim=(1, 2, 3)), inputs)
    assert torch.equal(result.adv, (inputs + 0.5 * weight.sign()).clamp(0, 1))


def test_l2_optimum_of_a_linear_model():
    weight, inputs = weights(), grey()
    forward = lambda x: (weight * x).sum(dim=(1, 2, 3))  # noqa: E731
    expected = inputs + 0.25 * weight / weight.norm()
    straight = PGD(Raise(), norm='l2', eps=0.25, step_size=0.0625, steps=4, random_start=False)(forward, inputs)
    torch.testing.assert_close(straight.adv, expected, rtol=0, atol=1e-15)
    # From a random point of the sphere, each step and projection turns towards the optimum by a constant factor.
    turned = PGD(Raise(), norm='l2', eps=0.25, step_size=0.5, steps=40)(forward, inputs)
    torch.testing.assert_close(turned.adv, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(turned.norm, torch.full((2,), 0.25, dtype=torch.float64))


def test_l2_optimum_of_a_saturated_model():
    """Gradients of 1e-25 still point the right way in float32."""
    weight, inputs = weights(torch.float32), grey(dtype=torch.float32)
    attack = PGD(Raise(), norm='l2', eps=0.25, step_size=0.0625, steps=5, random_start=False)
    result = attack(lambda x: (1e-25 * weight * x).sum(dim=(1, 2, 3)), inputs)
    torch.testing.assert_close(result.adv, inputs + 0.25 * weight / weight.norm(), rtol=0, atol=1e-6)


@pytest.mark.parametrize('norm', ['linf', 'l2'])
def test_optimum_of_a_linear_classifier(norm):
    """Two classes: cross-entropy rises fastest along the difference of their weights, in either direction."""
    weight, inputs, targets = torch.stack((weights(), -2 * weights().flip(0))), grey(), torch.tensor([0, 1])
    attack = PGD(CrossEntropy(), norm=norm, eps=0.25, step_size=0.0625, steps=4, random_start=False)
    result = attack(lambda x: x.flatten(1) @ weight.flatten(1).T, inputs, targets)
    towards = weight[1] - weight[0]
    direction = towards.sign() if norm == 'linf' else towards / towards.norm()
    expected = inputs + 0.25 * torch.stack((direction, -direction))
    torch.testing.assert_close(result.adv, expected, rtol=0, atol=1e-15)
    margin = ((expected.flatten(1) @ weight.flatten(1).T).diff(dim=1)[:, 0] * torch.tensor([1, -1])).double()
    torch.testing.assert_close(result.loss, F.softplus(margin))
    assert torch.equal(result.success, margin > 0)


@pytest.mark.parametrize('margin', [10.0, 40.0, 70.0])
def test_saturated_classifier(margin):
    """In float32, 1 - p is exactly 0 from a margin of 17 on: the true class would drop out of the gradient."""
    weight = torch.stack((2 * weights(torch.float32), weights(torch.float32).flip(0)))
    inputs, difference = grey(1, torch.float32), weight[1] - weight[0]
    bias = torch.tensor([(difference * inputs).sum() + margin, 0])
    attack = PGD(CrossEntropy(), eps=0.01, step_size=0.0025, steps=4, random_start=False)
    result = attack(lambda x: x.flatten(1) @ weight.flatten(1).T + bias, inputs, torch.tensor([0]))
    torch.testing.assert_close(result.adv, inputs + 0.01 * difference.sign(), rtol=0, atol=1e-6)
    expected = torch.exp(-margin + 0.01 * difference.abs().sum()).log1p()
    torch.testing.assert_close(result.loss, expected[None], rtol=1e-3, atol=0)


def convnet(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2), torch.nn.GELU(), torch.nn.Flatten(), torch.nn.Linear(72, 4)
    ).double()


def textbook(net, x, y, start, eps, alpha, steps):
    """Madry et al. 2018, Eq. (1) of Sec. 2.1, with every iterate."""
    iterates = [(x + start).clip(0, 1)]
    for _ in range(steps):
        x_adv = iterates[-1].clone().requires_grad_()
        F.cross_entropy(net(x_adv), y, reduction='sum').backward()
        x_adv = x_adv.detach() + alpha * x_adv.grad.sign()
        iterates.append((x + (x_adv - x).clip(-eps, eps)).clip(0, 1))
    return iterates


@pytest.mark.parametrize('start', ['clean', 'random'])
def test_iterates_are_the_textbooks(start):
    net, targets = convnet(), torch.tensor([0, 1, 2, 3, 0])
    inputs = torch.rand(5, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    noise = random_start(Linf('8/255'), inputs, range(5), 3, 0) * (start == 'random')
    expected = textbook(net, inputs, targets, noise, 8 / 255, 2 / 255, 12)
    seen = []
    attack = PGD(CrossEntropy(), steps=12, random_start=start == 'random', keep='last', seed=3)
    result = attack(lambda x: seen.append(x.detach()) or net(x), inputs, targets)
    assert len(seen) == len(expected)
    for iterate, reference in zip(seen, expected):
        torch.testing.assert_close(iterate, reference, rtol=0, atol=1e-14)
    assert torch.equal(result.adv, seen[-1])
    torch.testing.assert_close(result.loss, F.cross_entropy(net(seen[-1]), targets, reduction='none'))


def test_believable():
    """A larger ball helps, a huge one breaks everything, and the attack is no random noise."""
    net = convnet(4)
    inputs = torch.rand(24, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    targets = net(inputs).argmax(dim=1)
    losses, successes = [], []
    for eps in (0.0, 0.01, 0.1, 1.0):
        result = PGD(CrossEntropy(), eps=eps, step_size=eps / 4 or 1, steps=10)(net, inputs, targets)
        losses.append(result.loss.mean())
        successes.append(result.success.sum())
        noise = PGD(CrossEntropy(), eps=eps, steps=0)(net, inputs, targets)
        if eps:
            assert (result.loss > noise.loss).all()
    assert losses == sorted(losses)
    assert successes == sorted(successes)
    assert successes[0] == 0
    assert successes[-1] == 24
