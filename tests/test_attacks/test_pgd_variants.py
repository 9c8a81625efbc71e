"""Momentum, one step, and models with randomness of their own."""

import pytest
import torch
from toys import Peak

from mmssl_robust.attacks import FGSM, PGD, CrossEntropy, EmbeddingDistance
from mmssl_robust.utils.errors import UserError


def test_momentum_by_hand():
    """A gradient that turns round: the past direction wins where it is the larger."""
    inputs = torch.full((1, 1, 1, 2), 0.5, dtype=torch.float64)
    steps = []

    def forward(x):
        steps.append(x.detach().clone())
        # Gradient (3, 1) first, then (-1, 1).
        return x[:, 0, 0] @ torch.tensor([3.0 if len(steps) == 1 else -1.0, 1.0], dtype=torch.float64)

    for momentum, second in ((0.0, -1), (1.0, 1)):
        steps.clear()
        attack = PGD(Peak(), eps=0.5, step_size=0.125, steps=2, random_start=False, momentum=momentum, keep='last')
        result = attack(forward, inputs)
        # (3, 1) / 2 + (-1, 1) / 1 = (0.5, 1.5).
        assert (result.adv - inputs).flatten().tolist() == [0.125 + second * 0.125, 0.25]
    with pytest.raises(UserError, match='momentum'):
        PGD(Peak(), momentum=-1)


def test_fgsm_is_one_full_step():
    weight = torch.randn(3, 4, 4)
    forward = lambda x: (weight * x).sum(dim=(1, 2, 3))  # noqa: E731
    inputs = torch.full((2, 3, 4, 4), 0.5)
    result = FGSM(Peak(), eps='8/255')(forward, inputs)
    torch.testing.assert_close(result.adv, inputs + 8 / 255 * weight.sign())
    assert result.backwards.eq(1).all()
    assert FGSM(EmbeddingDistance()).random_start
    assert torch.equal(FGSM(Peak(), eps=0)(forward, inputs).adv, inputs)


class Noisy:
    """A linear model whose weights are blurred at every call."""

    def __init__(self, spread):
        self.generator = torch.Generator().manual_seed(0)
        self.weight = torch.where(torch.rand(1, 8, 8, generator=self.generator) < 0.5, -1.0, 1.0)
        self.spread = spread

    def __call__(self, x):
        noise = self.spread * torch.randn(self.weight.shape, generator=self.generator)
        return ((self.weight + noise) * x).sum(dim=(1, 2, 3))


def test_expectation_sees_through_noise():
    inputs = torch.full((1, 1, 8, 8), 0.5)
    signs = []
    for samples in (1, 64):
        model = Noisy(2.0)
        attack = PGD(Peak(), eps=0.1, step_size=0.1, steps=1, random_start=False, keep='last', eot_samples=samples)
        result = attack(model, inputs)
        signs.append(((result.adv - inputs).sign() == model.weight).float().mean())
        assert result.forwards.eq(2 * samples).all() and result.backwards.eq(1).all()
    assert signs[0] < 0.9 and signs[1] > 0.98


def test_success_on_a_random_model_is_that_of_most_calls():
    calls = iter([True, True, False] * 4)

    def forward(x):
        wrong = next(calls)
        return torch.stack([0 * x.sum(dim=(1, 2, 3)), 0 * x.sum(dim=(1, 2, 3)) + (1 if wrong else -1)], dim=1)

    result = PGD(CrossEntropy(), steps=0, eot_samples=3)(forward, torch.rand(1, 3, 2, 2), torch.tensor([0]))
    assert result.success.all() and result.score.item() == pytest.approx(1 / 3)


@pytest.mark.parametrize('attack', [PGD(CrossEntropy(), eps=0.1, step_size=0.03, steps=3, restarts=4)])
def test_stopping_at_success_changes_no_decision(attack):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 4)).double()
    inputs = torch.rand(16, 3, 4, 4, dtype=torch.float64)
    targets = net(inputs).argmax(dim=1)
    whole = attack(net, inputs, targets)
    stopping = PGD(CrossEntropy(), eps=0.1, step_size=0.03, steps=3, restarts=4, stop_at_success=True)
    early = stopping(net, inputs, targets)
    assert torch.equal(whole.success, early.success) and 0 < whole.success.sum() < 16
    assert early.forwards[early.success].max() < early.forwards[~early.success].min()
