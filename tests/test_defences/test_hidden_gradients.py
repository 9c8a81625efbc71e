"""A defence without a gradient looks robust to plain PGD: the checks say so, and BPDA breaks it again."""

import pytest
import torch

from mmssl_robust.attacks import PGD, CrossEntropy
from mmssl_robust.attacks.sanity import checks_of, measure
from mmssl_robust.defences import JPEG, Blur, Dither, Downscale, Quantise, defend

INPUTS = torch.nn.functional.interpolate(
    torch.rand(8, 3, 4, 4, generator=torch.Generator().manual_seed(1)), size=(15, 15), mode='bilinear'
)
PGD8 = PGD(CrossEntropy(), eps=0.05, step_size=0.02, steps=8)


def network():
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 8, 3, stride=2), torch.nn.GELU(), torch.nn.Flatten(), torch.nn.Linear(8 * 49, 5)
    return torch.nn.Sequential(*layers).requires_grad_(False)


NET = network()


class Defended:
    """A network behind a defence, whose draws are counted for each image."""

    def __init__(self, defence, bpda):
        self.defence, self.bpda, self.calls = defence, bpda, 0

    def __call__(self, inputs):
        self.calls += 1
        return NET(defend(self.defence, inputs, self.bpda, calls=[self.calls] * len(inputs)))


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr('mmssl_robust.attacks.sanity.WIDEST_STEPS', 8)


@pytest.mark.parametrize('defence', [JPEG(75), Quantise(8), Dither(8)], ids=lambda one: type(one).__name__)
def test_without_bpda_it_hides_and_is_caught(defence):
    """Predictions are for a draw that the attack has not met."""
    labels = NET(defend(defence, INPUTS)).argmax(dim=1)
    hidden, broken = (PGD8(Defended(defence, bpda), INPUTS, labels) for bpda in (False, True))
    assert hidden.zero_grad.min() == 1 and broken.zero_grad.max() < 0.1
    right = [(NET(defend(defence, found.adv)).argmax(dim=1) == labels).sum() for found in (hidden, broken)]
    assert right[0] >= 5 and right[1] <= 1
    found = measure(PGD8, Defended(defence, False), INPUTS, labels, queries=8)
    warned = {check.name for check in checks_of(found) if not check.passed}
    assert 'gradients are not zero' in warned
    assert 'the attack has an effect' in warned or defence.random  # where the best of its draws is luck


@pytest.mark.parametrize('defence', [Blur(0.7), Downscale(0.5)], ids=lambda one: type(one).__name__)
def test_what_is_smooth_hides_nothing(defence):
    labels = NET(defence(INPUTS)).argmax(dim=1)
    found = measure(PGD8, Defended(defence, False), INPUTS, labels, queries=8)
    assert [check.name for check in checks_of(found) if not check.passed] == []
