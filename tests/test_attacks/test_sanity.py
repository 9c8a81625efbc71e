"""Checks that must pass for an honest model, and must not for one whose gradient is masked."""

import pytest
import torch

from mmssl_robust.attacks import APGD, PGD, CrossEntropy, EmbeddingDistance
from mmssl_robust.attacks.sanity import judge, measure


def network(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2), torch.nn.GELU(), torch.nn.Flatten(), torch.nn.Linear(8 * 49, 5)
    ).requires_grad_(False)  # fmt: skip


INPUTS = torch.nn.functional.interpolate(
    torch.rand(16, 3, 4, 4, generator=torch.Generator().manual_seed(1)), size=(15, 15), mode='bilinear'
)
NET = network()
LABELS = NET(INPUTS).argmax(dim=1)
PGD20 = PGD(CrossEntropy(), eps=0.02, step_size=0.005, steps=20)


def failed(forward, attack=PGD20, **settings):
    return {check.name for check in judge(measure(attack, forward, INPUTS, LABELS, **settings)) if not check.passed}


@pytest.mark.parametrize('attack', [PGD20, APGD(CrossEntropy(), eps=0.02, steps=20)])
def test_an_honest_model_passes(attack):
    found = measure(attack, NET, INPUTS, LABELS, other=network(3))
    assert not [check for check in judge(found) if not check.passed]


def test_lower_precision_is_compared():
    copy = network().bfloat16()
    found = measure(PGD20, NET, INPUTS, LABELS, half=lambda x: copy(x.bfloat16()).float())
    assert judge(found)[-1].name == 'bfloat16 is as strong' and judge(found)[-1].passed


def test_hard_quantisation_is_caught():
    """No gradient comes through, but the search without gradients does."""
    caught = failed(lambda x: NET((x * 20).round() / 20))
    assert {'gradients are not zero', 'Square is no stronger'} <= caught


def test_a_scaled_softmax_is_caught():
    """Probabilities of 0 and 1 have a gradient of exactly zero in float32."""
    caught = failed(lambda x: (1e5 * NET(x)).softmax(dim=1))
    assert 'gradients are not zero' in caught


def test_a_shattered_gradient_is_caught():
    """A tiny ripple whose slope drowns that of the model: no entry is zero, but the direction is noise."""
    caught = failed(lambda x: NET(x + 2e-4 * torch.sin(x * 1e6)))
    assert 'Square is no stronger' in caught or 'random noise is weaker' in caught


def test_randomness_is_caught():
    caught = failed(lambda x: NET(x + 0.05 * torch.randn_like(x)))
    assert 'a second run is the same' in caught


def test_too_few_steps_are_noticed():
    short = PGD(CrossEntropy(), eps=0.02, step_size=0.002, steps=2)
    assert 'four times the steps change little' in failed(NET, short)


def test_an_embedding_is_checked_too():
    encoder = NET[:-1]
    found = measure(PGD(EmbeddingDistance(), eps=0.02, step_size=0.005, steps=20), encoder, INPUTS)
    passed = {check.name for check in judge(found) if check.passed}
    assert {'gradients are not zero', 'random noise is weaker', 'Square is no stronger'} <= passed
