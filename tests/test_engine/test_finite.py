"""What is not finite changes no weight."""

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmssl_robust.engine.finite import FiniteGuard, NonFinite


def guarded(max_skips=0, accumulative_counts=1):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    wrapper = OptimWrapper(optimizer, accumulative_counts=accumulative_counts)
    wrapper.initialize_count_status(model, 0, 100)
    return model, FiniteGuard(wrapper, max_skips)


def loss(model, value=1.0):
    return model(torch.full((1, 2), value)).sum()


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_stops_at_once_and_keeps_the_weights(value):
    model, guard = guarded()
    guard.update_params(loss(model))
    before = model.weight.clone()
    with pytest.raises(NonFinite):
        guard.update_params(loss(model, value))
    assert torch.equal(model.weight, before)


def test_leaves_out_as_many_steps_in_a_row_as_allowed():
    model, guard = guarded(max_skips=1)
    guard.update_params(loss(model))
    before = model.weight.clone()
    guard.update_params(loss(model, float('nan')))
    assert torch.equal(model.weight, before), 'not even the momentum moves them'
    guard.update_params(loss(model))
    assert guard.skips == 0 and not torch.equal(model.weight, before)
    guard.update_params(loss(model, float('nan')))
    with pytest.raises(NonFinite):
        guard.update_params(loss(model, float('nan')))


def test_an_accumulated_step_is_left_out_whole():
    model, guard = guarded(max_skips=1, accumulative_counts=2)
    before = model.weight.clone()
    guard.update_params(loss(model, float('nan')))
    guard.update_params(loss(model, float('nan')))
    assert guard.skips == 1 and torch.equal(model.weight, before)
    guard.update_params(loss(model))
    guard.update_params(loss(model))
    torch.testing.assert_close(model.weight, before - 0.1 * 1.0)


def test_a_bad_gradient_of_a_good_loss():
    model, guard = guarded(max_skips=1)
    before = model.weight.clone()
    root = model.weight.sum() * 0  # the square root's slope at 0 is infinite
    guard.update_params(loss(model) + root.clamp(min=0).sqrt())
    assert guard.skips == 1 and torch.equal(model.weight, before)
