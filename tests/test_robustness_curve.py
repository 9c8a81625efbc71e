"""Curves of robustness: closed forms."""

import math

import numpy as np
import pytest

from mmssl_robust.robustness_curve import area_below, curve_of, median_size, optimality, robust_share

SIZES = [0.0, 0.0, 1.0, 2.0, 2.0, math.inf]


def test_share_above_a_radius():
    assert robust_share(SIZES, [0, 0.5, 1, 2, 3]).tolist() == pytest.approx([4 / 6, 4 / 6, 3 / 6, 1 / 6, 1 / 6])
    assert curve_of(SIZES, 3.0) == [(0, pytest.approx(4 / 6)), (1, 0.5), (2, pytest.approx(1 / 6)), (3, 1 / 6)]
    assert curve_of([], 3.0) == [(0, 0), (3, 0)]


def test_the_median_is_of_those_with_something_to_lose():
    assert median_size(SIZES) == 2
    assert median_size([0.0] * 9 + [1.0, 3.0]) == 2  # it does not saturate where most are lost already
    assert median_size([0.0, 1.0, math.inf, math.inf]) is None and median_size([0.0]) is None


def test_area_below_the_curve():
    """Of sizes drawn evenly from 0 to 1 the curve is 1 - x, the area 1 / 2; up to 1 / 2 it is 3 / 8."""
    sizes = [(number + 0.5) / 100 for number in range(100)]
    assert area_below(sizes, 1.0) == pytest.approx(0.5) and area_below(sizes, 0.5) == pytest.approx(0.375)


def test_optimality():
    best = [0.0, 1.0, 2.0, 4.0]
    assert optimality(best, best, 4.0) == 1 and optimality([0.0, *[math.inf] * 3], best, 4.0) == 0
    # Areas to the clean share, 3 of 4 images up to 4: the best 3 - 7 / 4, twice as far 3 - (2 + 4 + 4) / 4.
    assert optimality([0.0, 2.0, 4.0, 8.0], best, 4.0) == pytest.approx(0.5 / 1.25)
    assert math.isnan(optimality([math.inf], [math.inf], 1.0))


def test_what_falls_at_the_largest_radius_does_not_withstand_it():
    """Sizes are float32, whose 32/255 is larger than Python's."""
    sizes = [float(np.float32(32 / 255)), np.inf]
    assert sizes[0] > 32 / 255 and curve_of(sizes, 32 / 255) == [(0.0, 1.0), (32 / 255, 0.5)]
    assert curve_of([0.2], 0.1) == [(0.0, 1.0), (0.1, 1.0)]
