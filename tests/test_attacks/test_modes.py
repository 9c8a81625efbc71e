"""Models are as they were after an attack, whatever happened."""

import pytest
from torch import nn

from mmssl_robust.attacks import eval_mode, frozen


def model():
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.Sequential(nn.BatchNorm1d(2)))
    net[2].eval()
    net[0].weight.requires_grad_(False)
    return net


def test_eval_mode():
    net = model()
    before = [module.training for module in net.modules()]
    assert before == [True, True, True, False, False]
    with eval_mode(net):
        assert not any(module.training for module in net.modules())
    assert [module.training for module in net.modules()] == before


def test_frozen():
    net = model()
    before = [parameter.requires_grad for parameter in net.parameters()]
    assert before == [False, True, True, True]
    with frozen(net):
        assert not any(parameter.requires_grad for parameter in net.parameters())
    assert [parameter.requires_grad for parameter in net.parameters()] == before


@pytest.mark.parametrize('context', [eval_mode, frozen])
def test_restored_after_an_error(context):
    net = model()
    state = [m.training for m in net.modules()], [p.requires_grad for p in net.parameters()]
    with pytest.raises(KeyError), context(net):
        raise KeyError
    assert ([m.training for m in net.modules()], [p.requires_grad for p in net.parameters()]) == state
