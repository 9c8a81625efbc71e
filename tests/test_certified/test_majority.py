"""Certified classes against closed forms, SciPy's exact test and simulation."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest, norm

from mmssl_robust.certified import Smoothing, certify_label
from mmssl_robust.certified.majority import lower_bound
from mmssl_robust.utils.errors import UserError


@pytest.mark.parametrize('n', (1, 10, 1000))
@pytest.mark.parametrize('alpha', (0.05, 0.001))
def test_bound_where_all_draws_agree(n, alpha):
    assert lower_bound(n, n, alpha) == pytest.approx(alpha ** (1 / n))
    assert lower_bound(0, n, alpha) == 0
    assert lower_bound(1, n, alpha) == pytest.approx(1 - (1 - alpha) ** (1 / n))


@pytest.mark.parametrize('count', (1, 37, 60, 99))
def test_bound_is_that_of_the_exact_test(count):
    interval = binomtest(count, 100, alternative='greater').proportion_ci(0.99, 'exact')
    assert lower_bound(count, 100, 0.01) == pytest.approx(interval.low)


def test_bound_holds_as_often_as_it_says():
    share, n, alpha = 0.7, 40, 0.05
    wrong = sum(binom.pmf(count, n, share) for count in range(n + 1) if lower_bound(count, n, alpha) > share)
    assert 0 < wrong <= alpha


def test_radius_of_a_linear_classifier():
    """Its smoothed class changes at the distance |w x + b| / |w|, which no certificate exceeds."""
    rng, weights, x, bias, sigma = np.random.default_rng(0), np.array([3.0, -4.0]), np.array([0.2, -0.1]), -0.5, 0.5
    distance = abs(weights @ x + bias) / 5
    smoothing = Smoothing(sigma, n=100000)
    values = (x + sigma * rng.standard_normal((smoothing.n, 2))) @ weights + bias
    found = certify_label(1, int((values > 0).sum()), smoothing)
    assert 0.9 * distance < found.radius <= distance
    assert found.share <= norm.cdf(distance / sigma)


def test_abstains_unless_more_than_half_is_certain():
    smoothing = Smoothing(0.25, n=100, alpha=0.001)
    assert certify_label(3, 65, smoothing) == (3, lower_bound(65, 100, 0.001), None)
    assert certify_label(3, 66, smoothing).radius > 0
    assert certify_label(3, 100, smoothing).radius == pytest.approx(0.25 * norm.ppf(0.001**0.01))


@pytest.mark.parametrize(
    'wrong',
    (
        *(dict(sigma=sigma) for sigma in (0, -0.1, float('nan'), float('inf'), 'x', True)),
        *(dict(alpha=alpha) for alpha in (0, 1, -0.5, 2, float('nan'))),
        *(dict(n=number) for number in (0, -1, 1.5)),
        *(dict(n0=number) for number in (0, None)),
        dict(seed=-1),
    ),
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(UserError, match=rf'^{next(iter(wrong))}=.*: give'):
        Smoothing(**dict(sigma=0.25) | wrong)
