"""FAB: exact projections, and the nearest adversarial image of a linear model."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize

from mmssl_robust.attacks import FAB
from mmssl_robust.attacks.fab import to_plane
from mmssl_robust.utils.errors import UserError

SIZE = {'linf': lambda d: d.abs().max(), 'l2': lambda d: d.norm(), 'l1': lambda d: d.abs().sum()}


def smallest(norm, pixels, normal, offset):
    """The smallest change by general solvers."""
    count = len(pixels)
    bounds = [(-x, 1 - x) for x in pixels]
    if norm == 'l2':
        start = normal * offset / (normal @ normal)
        constraint = dict(type='eq', fun=lambda d: normal @ d - offset, jac=lambda d: normal)
        options = dict(ftol=1e-14, maxiter=500)
        found = minimize(lambda d: d @ d, start, jac=lambda d: 2 * d, bounds=bounds, constraints=constraint,
                         method='SLSQP', options=options)  # fmt: skip
        return np.sqrt(found.fun)
    extra = 1 if norm == 'linf' else count  # the largest magnitude, or every magnitude
    eye, link = np.eye(count), np.ones((count, 1)) if norm == 'linf' else np.eye(count)
    found = linprog(
        np.concatenate([np.zeros(count), np.ones(extra)]),
        A_ub=np.block([[eye, -link], [-eye, -link]]),
        b_ub=np.zeros(2 * count),
        A_eq=np.concatenate([normal, np.zeros(extra)])[None],
        b_eq=[offset],
        bounds=bounds + [(0, None)] * extra,
    )
    return found.fun


@pytest.mark.parametrize('norm', ['linf', 'l2', 'l1'])
@pytest.mark.parametrize('seed', range(8))
def test_projection_is_the_smallest_change(norm, seed):
    rng = np.random.default_rng(seed)
    pixels, normal = rng.random(12), rng.standard_normal(12)
    reach = np.where(normal > 0, 1 - pixels, pixels) @ np.abs(normal)
    offset = (0.2 + 0.1 * seed) * reach
    shape = (1, 3, 2, 2)
    change = to_plane(*(torch.from_numpy(x).reshape(shape) for x in (pixels, normal)), torch.tensor([offset]), norm)
    assert change.flatten() @ torch.from_numpy(normal) == pytest.approx(offset, rel=1e-9)
    moved = change.flatten().numpy() + pixels
    assert moved.min() >= -1e-12 and moved.max() <= 1 + 1e-12
    assert SIZE[norm](change) == pytest.approx(smallest(norm, pixels, normal, offset), rel=1e-4)


@pytest.mark.parametrize('norm', ['linf', 'l2', 'l1'])
def test_projection_out_of_reach_goes_as_far_as_it_can(norm):
    pixels, normal = torch.full((2, 1, 1, 2), 0.25), torch.tensor([1.0, -1.0]).reshape(1, 1, 1, 2).repeat(2, 1, 1, 1)
    change = to_plane(pixels, normal, torch.tensor([9.0, -9.0]), norm)
    assert change.flatten().tolist() == [0.75, -0.25, -0.25, 0.75]
    assert not to_plane(pixels, 0 * normal, torch.tensor([1.0, 1.0]), norm).any()


@pytest.mark.parametrize(
    ('norm', 'dual'), [('linf', lambda w: w.abs().sum()), ('l2', torch.norm), ('l1', lambda w: w.abs().max())]
)
def test_it_finds_what_is_just_within_reach(norm, dual):
    """Between two classes of a linear model the distance to the boundary is known."""
    weight = torch.randn(3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    inputs = torch.full((1, 3, 4, 4), 0.5, dtype=torch.float64)

    def forward(x):
        score = (weight * (x - 0.5)).sum(dim=(1, 2, 3)) - 0.05 * dual(weight)
        return torch.stack([torch.zeros_like(score), score], dim=1)

    targets = torch.tensor([0])
    assert FAB(norm, 0.0505, steps=30)(forward, inputs, targets).success.all()
    assert not FAB(norm, 0.0495, steps=30)(forward, inputs, targets).success.any()


def test_a_step_goes_ahead_and_back_at_once():
    """From 1.05 of the way back to 0.945 and on to 1.0075 takes two steps, as published."""
    inputs = torch.full((1, 3, 4, 4), 0.5, dtype=torch.float64)

    def forward(x):
        score = (x - 0.5).sum(dim=(1, 2, 3)) - 0.1 * 48
        return torch.stack([torch.zeros_like(score), score], dim=1)

    targets = torch.tensor([0])
    assert FAB(eps=0.101, steps=2)(forward, inputs, targets).success.all()
    assert not FAB(eps=0.1005, steps=2)(forward, inputs, targets).success.any()


def test_one_run_for_each_wrong_class_and_none_after_success():
    calls = []

    def forward(x):
        calls.append(len(x))
        first = x.sum(dim=(1, 2, 3))
        return torch.stack([first * 0 + 10, 0.1 * first, 0.2 * first], dim=1)

    result = FAB(eps=0.01, steps=4)(forward, torch.rand(2, 1, 3, 3), torch.tensor([0, 1]))
    assert result.success.tolist() == [False, True]
    # The look at the classes; for each of two classes the clean image, four gradients and four new iterates.
    assert result.forwards.tolist() == [1 + 2 * 9, 1 + 2 * 9] and result.backwards.tolist() == [8, 8]
    assert (result.forwards + result.backwards - 1).max() == FAB(eps=0.01, steps=4, restarts=2).passes
    early = FAB(eps=0.01, steps=4, stop_at_success=True)(forward, torch.rand(2, 1, 3, 3), torch.tensor([0, 1]))
    # The second is wrong without an attack: it leaves after the look at its clean image.
    assert early.forwards.tolist() == [1 + 2 * 9, 1 + 1]
    assert early.backwards.tolist() == [2 * 4, 0]


def test_bad_settings():
    with pytest.raises(UserError, match='overshoot'):
        FAB(overshoot=0.5)
