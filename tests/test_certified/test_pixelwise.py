"""Certified pixels against examples by hand, an independent Holm and simulation."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from mmssl_robust.certified import Smoothing, certify_pixels, holm


@pytest.mark.parametrize(
    ('values', 'rejected'),
    (
        # Of 4 at 0.05 the limits are 0.0125, 0.0167, 0.025, 0.05: 0.03 is above its limit, and ends it.
        ([0.01, 0.04, 0.03, 0.005], [True, False, False, True]),
        ([0.01, 0.02, 0.04, 0.005], [True, True, True, True]),
        ([0.03, 0.04, 0.045], [False, False, False]),
        ([0.05], [True]),
        ([[0.001, 0.9], [0.9, 0.001]], [[True, False], [False, True]]),
        ([], []),
    ),
)
def test_holm_by_hand(values, rejected):
    assert holm(np.array(values), 0.05).tolist() == rejected


def test_holm_step_by_step():
    values = np.random.default_rng(0).uniform(0, 0.02, 50)
    left, rejected = dict(enumerate(values)), set()
    while left:
        place = min(left, key=left.get)
        if left[place] > 0.1 / len(left):
            break
        rejected.add(place)
        del left[place]
    assert 0 < len(rejected) < 50
    assert set(np.flatnonzero(holm(values, 0.1))) == rejected


def test_one_pixel_is_the_exact_test():
    smoothing = Smoothing(0.25, n=100, alpha=0.001)
    for count in (80, 87, 88, 100):
        value = binomtest(count, 100, 0.75, alternative='greater').pvalue
        assert certify_pixels(np.array([count]), smoothing, 0.75) == (value <= 0.001)


def test_more_pixels_need_more_draws():
    smoothing = Smoothing(0.25, n=100, alpha=0.001)
    assert certify_pixels(np.full((3, 4), 92), smoothing, 0.75).all()
    assert not certify_pixels(np.full((300, 400), 92), smoothing, 0.75).any()


def test_wrong_images_are_as_rare_as_it_says():
    """Of pixels whose class is as frequent as tau, which are not to be certified, an image with one is wrong."""
    rng, smoothing = np.random.default_rng(1), Smoothing(0.25, n=30, alpha=0.1)
    counts = np.concatenate([rng.binomial(30, 0.7, (2000, 6)), rng.binomial(30, 0.999, (2000, 6))], axis=1)
    found = np.array([certify_pixels(image, smoothing, 0.7) for image in counts])
    wrong = found[:, :6].any(axis=1).mean()
    assert 0 < wrong <= 0.1 + 3 * binom.std(2000, 0.1) / 2000
    assert found[:, 6:].mean() > 0.9
