"""Which images are evaluated, and by whom."""

import pytest

from mmssl_robust.benchmark.plan import share_of, units_of
from mmssl_robust.datasets.tolerant import spread


def test_spread():
    assert spread(10, None) == list(range(10))
    assert spread(10, 3) == [0, 3, 6]
    assert spread(3, 10) == [0, 1, 2]


def test_units_cover_each_image_once():
    units = units_of(range(7), 3)
    assert units == [[0, 1, 2], [3, 4, 5], [6]]


@pytest.mark.parametrize('processes', [1, 2, 3, 8])
def test_processes_share_what_is_left(processes):
    shares = [share_of({5, 1, 9, 2}, rank, processes) for rank in range(processes)]
    assert sorted(unit for share in shares for unit in share) == [1, 2, 5, 9]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
