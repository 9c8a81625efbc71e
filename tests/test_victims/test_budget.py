"""Gradients within a memory budget: equal, and within it."""

import pytest
import torch
from torch import nn

from mmssl_robust.utils.errors import UserError
from mmssl_robust.victims.budget import _need_of, encode_in_budget, parse_memory


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GELU(), nn.Conv2d(8, 4, 3), nn.Tanh()).double()
        self.requires_grad_(False)
        self.seen, self.events = [], []

    def forward(self, inputs):
        self.seen.append(len(inputs))
        self.events.append(f'forward {len(inputs)}')
        if inputs.requires_grad and torch.is_grad_enabled():
            inputs = inputs.clone()
            inputs.register_hook(lambda grad: self.events.append(f'backward {len(grad)}'))
        return self.layers(inputs)


def gradient(net, memory):
    inputs = torch.linspace(0, 1, 7 * 3 * 64, dtype=torch.float64).view(7, 3, 8, 8).requires_grad_()
    outputs = encode_in_budget(net, inputs, memory, net)
    return outputs, torch.autograd.grad(outputs.sin().sum(), inputs)[0]


ONE = 8 * (3 * 64 + 2 * 8 * 36 + 4 * 16)  # bytes: convolutions and GELU keep their inputs, Tanh its output
PASSING = 8 * 3 * 8 * 36  # three of the largest; that is more than ONE: in its room, they pass one by one


def test_need_of_one_input_is_measured():
    net = Net()
    assert _need_of(net, torch.rand(1, 3, 8, 8, dtype=torch.float64), net) == (ONE, PASSING, False)
    assert net.seen == [1]
    _need_of(net, torch.rand(1, 3, 8, 8, dtype=torch.float64), net)
    assert net.seen == [1]


@pytest.mark.parametrize(
    ('room', 'forwards'),
    [
        (None, [7]),
        (7, [1, 7]),  # measured, then all at once
        (6, [1, 1, 6, 1]),  # the first is computed twice
        (3, [1, 2, 2, 3, 3, 1]),  # without a graph there is room for two
        (1, [1, *[1] * 13]),
        (0.1, [1, *[1] * 13]),
    ],
)
def test_gradient_is_the_same_and_the_rest_is_computed_again(room, forwards):
    plain, net = Net(), Net()
    outputs, grad = gradient(plain, None)
    ours, ours_grad = gradient(net, None if room is None else int(room * ONE))
    torch.testing.assert_close(ours, outputs, rtol=1e-12, atol=0)
    torch.testing.assert_close(ours_grad, grad, rtol=1e-12, atol=1e-15)
    assert net.seen == forwards


def test_what_is_kept_has_gone_when_others_are_computed_again():
    net = Net()
    _need_of(net, torch.rand(1, 3, 8, 8, dtype=torch.float64), net)
    net.events.clear()
    gradient(net, 3 * ONE)
    assert net.events[:3] == ['forward 2', 'forward 2', 'forward 3']
    assert net.events[3:] == ['backward 3', 'forward 3', 'backward 3', 'forward 1', 'backward 1']


def test_saved_memory_stays_within_the_budget():
    net, kept = Net(), {}

    def note(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    inputs = torch.rand(7, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    encode_in_budget(net, inputs, 4 * ONE, net)
    weights = {parameter.untyped_storage().data_ptr() for parameter in net.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        outputs = encode_in_budget(net, inputs, 4 * ONE, net)
    activations = sum(size for place, size in kept.items() if place not in weights)
    images = inputs.untyped_storage().nbytes()
    assert outputs.requires_grad and 3 * ONE <= activations <= 4 * ONE + images


@pytest.mark.parametrize('memory', [None, ONE])
def test_autocast_holds_when_parts_are_computed_again(memory):
    net, inputs = Net().float(), torch.linspace(0, 1, 7 * 3 * 64).view(7, 3, 8, 8).requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        outputs = encode_in_budget(net, inputs, memory, net)
    (grad,) = torch.autograd.grad(outputs.float().sum(), inputs)  # outside, as in a loss in float32
    with torch.autocast('cpu', torch.bfloat16):
        expected = net(inputs)
    assert outputs.dtype == torch.bfloat16
    torch.testing.assert_close(grad, torch.autograd.grad(expected.float().sum(), inputs)[0], rtol=0.02, atol=1e-3)


class Dropping(Net):
    """A defence that draws random numbers."""

    def forward(self, inputs):
        return torch.nn.functional.dropout(super().forward(inputs), 0.5)


@pytest.mark.parametrize('room', [1, 3])
def test_a_random_network_draws_the_same_numbers_again(room):
    net = Dropping()
    inputs = torch.linspace(0, 1, 7 * 3 * 64, dtype=torch.float64).view(7, 3, 8, 8).requires_grad_()
    memory = room * _need_of(net, inputs[:1], net).saved  # more than ONE, by what dropout keeps
    torch.manual_seed(5)
    outputs = encode_in_budget(net, inputs, memory, net)
    (grad,) = torch.autograd.grad(outputs.sum(), inputs)
    torch.manual_seed(5)  # what one input needs was measured as if nothing were drawn
    parts = [*inputs[:-room].split(room), inputs[-room:]]
    expected = torch.cat([net(part) for part in parts])
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(grad, torch.autograd.grad(expected.sum(), inputs)[0])


def test_in_float16_half_is_for_the_graph_that_is_retained():
    net, inputs = Net().float(), torch.rand(7, 3, 8, 8, requires_grad=True)
    for dtype, forwards in ((torch.bfloat16, [1, 3]), (torch.float16, [1, 1])):
        net.seen.clear()
        with torch.autocast('cpu', dtype):
            need = _need_of(net, inputs[:1], net)
            encode_in_budget(net, inputs, 3 * need.saved, net)
        assert [net.seen[0], net.seen[-1]] == forwards


@pytest.mark.parametrize('memory', [None, ONE])
def test_a_gradient_that_is_cut_off(memory):
    inputs = torch.rand(7, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    net = Net()
    outputs = encode_in_budget(lambda part: net(part.detach()) + 0 * part.mean(), inputs, memory, net)
    assert torch.autograd.grad(outputs.sum(), inputs)[0].abs().max() == 0
    outputs = encode_in_budget(lambda part: net(part.detach()), inputs, memory, net)
    assert not outputs.requires_grad or torch.autograd.grad(outputs.sum(), inputs, allow_unused=True)[0] is None


def test_without_gradients_nothing_is_computed_twice():
    net = Net()
    with torch.no_grad():
        encode_in_budget(net, torch.rand(7, 3, 8, 8, dtype=torch.float64), ONE, net)
    assert sum(net.seen) == 1 + 7


@pytest.mark.parametrize(('text', 'value'), [('2GB', 2 * 10**9), ('1.5 gb', 1500000000), ('300MB', 3 * 10**8), (7, 7)])
def test_memory_is_read(text, value):
    assert parse_memory(text) == value


@pytest.mark.parametrize('text', ['much', '0', '-1GB', 'GB', '2TB'])
def test_what_is_no_memory(text):
    with pytest.raises(UserError, match='attack_memory'):
        parse_memory(text)
