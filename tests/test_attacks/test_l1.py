"""The l1 ball meets the box: projections against an independent solver, optima of linear models."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from mmssl_robust.attacks import L1
from mmssl_robust.attacks.threat_models.l1 import sparse_direction
from mmssl_robust.utils.errors import UserError


def rows(*values):
    return torch.tensor(values, dtype=torch.float64).reshape(len(values), 1, 1, -1)


def test_by_hand():
    threat = L1(1)
    delta = rows([3.0, -1.0, 0.5], [0.2, -0.1, 0.0], [2.0, 2.0, 0.0])
    expected = rows([1.0, 0.0, 0.0], [0.2, -0.1, 0.0], [0.5, 0.5, 0.0])
    torch.testing.assert_close(threat.project(delta), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(threat.size(delta), torch.tensor([4.5, 0.3, 4.0], dtype=torch.float64))


@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 2**31), eps=st.floats(0.01, 8), spread=st.floats(0.1, 5))
def test_nearest_is_the_solution_of_the_optimality_conditions(seed, eps, spread):
    rng = np.random.default_rng(seed)
    clean, delta = rng.random(24), spread * rng.standard_normal(24)
    room = np.where(delta > 0, 1 - clean, clean)

    def shrunk(t):
        return np.minimum(np.maximum(np.abs(delta) - t, 0), room)

    fits = shrunk(0).sum() <= eps
    threshold = 0 if fits else brentq(lambda t: shrunk(t).sum() - eps, 0, np.abs(delta).max(), xtol=1e-14)
    inputs = torch.from_numpy(clean).reshape(1, 2, 3, 4)
    found = L1(eps).nearest(inputs, inputs + torch.from_numpy(delta).reshape(1, 2, 3, 4)) - inputs
    expected = torch.from_numpy(np.sign(delta) * shrunk(threshold)).reshape(1, 2, 3, 4)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_direction_shares_its_length_between_the_largest_entries():
    grad = rows([1.0, -4.0, 3.0, 0.5])
    assert torch.equal(sparse_direction(grad, torch.tensor([0.5])), rows([0, -0.5, 0.5, 0]))
    assert torch.equal(sparse_direction(grad, torch.tensor([0.0])), rows([0, -1.0, 0, 0]))
    assert not sparse_direction(0 * grad, torch.tensor([0.5])).any()


def test_random_starts_fill_the_ball():
    rng = np.random.default_rng(0)
    sizes = [np.abs(L1(2).random(3, rng)).sum() for _ in range(4000)]
    assert max(sizes) <= 2
    # The volume within radius r of a ball of radius 2 in three dimensions is (r / 2)^3.
    assert np.mean(np.array(sizes) < 1.5) == pytest.approx(0.75**3, abs=0.03)


def test_share_of_entries_is_checked():
    with pytest.raises(UserError, match='density=0'):
        L1(1, density=0)
