"""Certified medians against linear functions, for which all is known, and simulation."""

import numpy as np
import pytest
from scipy.stats import binom

from mmssl_robust.certified import Smoothing, certify_median, ranks


@pytest.mark.parametrize('n', (1, 20, 101))
@pytest.mark.parametrize('share', (0.1, 0.5, 0.9))
def test_ranks_by_search(n, share):
    low, high = ranks(n, share, 0.05)
    assert low == max([k for k in range(1, n + 1) if binom.cdf(k - 1, n, share) <= 0.05], default=0)
    assert high == min([k for k in range(1, n + 1) if binom.sf(k - 1, n, share) <= 0.05], default=n + 1)
    assert ranks(n, 1 - share, 0.05) == (n + 1 - high, n + 1 - low)


def test_median_of_a_linear_function():
    """Within radius r it moves by r |w|, neither more nor less."""
    rng, weights, x, sigma = np.random.default_rng(0), np.array([3.0, -4.0]), np.array([0.2, 0.1]), 0.5
    smoothing = Smoothing(sigma, n=40000)
    samples = (x + sigma * rng.standard_normal((smoothing.n, 2))) @ weights
    radii = (0.0, 0.1, 0.5, 1.0)
    for radius, (low, high) in zip(radii, certify_median(samples, smoothing, radii, -100, 100)):
        assert low <= weights @ x - 5 * radius and weights @ x + 5 * radius <= high
        assert low == pytest.approx(weights @ x - 5 * radius, abs=0.25)
        assert high == pytest.approx(weights @ x + 5 * radius, abs=0.25)


def test_few_draws_bound_nothing_far_away():
    samples = np.linspace(0.2, 0.8, 20)[:, None].repeat(2, axis=1)
    near, far = certify_median(samples, Smoothing(0.25, n=20), (0.0, 0.5), 0, 1)
    assert (near[0] > 0).all() and (near[1] < 1).all()
    assert (far[0] == 0).all() and (far[1] == 1).all()


def test_bounds_are_within_the_limits():
    samples = np.random.default_rng(0).uniform(-1, 2, (500, 3))
    for low, high in certify_median(samples, Smoothing(0.25, n=500), (0.0, 0.4), 0, 1):
        assert (low >= 0).all() and (high <= 1).all() and (low <= high).all()


def test_wrong_bounds_are_as_rare_as_they_say():
    """Of four outputs at once, the pixels themselves, which a perturbation of that size moves by as much."""
    rng, smoothing, radius = np.random.default_rng(3), Smoothing(1.0, n=60, alpha=0.2), 0.3
    wrong = 0
    for _ in range(300):
        draws = rng.standard_normal((60, 4))
        [(low, high)] = certify_median(draws, smoothing, (radius,), -10, 10)
        wrong += bool((low > -radius).any() or (high < radius).any())
    assert 0 < wrong / 300 <= 0.2 + 3 * binom.std(300, 0.2) / 300
