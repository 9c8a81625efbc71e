"""Whether two trainings came to the same."""

import torch


def is_same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(is_same, one, other))
    return one == other


def assert_same_training(first, second):
    """Weights, optimiser, schedules, counters: everything but the clock."""
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        assert is_same(first[part], second[part]), part
    assert first['meta']['iter'] == second['meta']['iter'] > 0
    assert first['meta']['epoch'] == second['meta']['epoch'] == 4
