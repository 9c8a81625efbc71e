"""Noise is of the image and the draw, of no batch."""

import pytest

from mmssl_robust.certified import gaussian


def test_noise_follows_from_image_and_draw_alone():
    shape = (3, 40, 50)
    whole = gaussian(shape, 0.25, 7, 12, range(6))
    parts = [gaussian(shape, 0.25, 7, 12, numbers) for numbers in (range(4, 6), range(4))]
    assert whole[4:].equal(parts[0]) and whole[:4].equal(parts[1])
    others = [gaussian(shape, 0.25, *other, (0,))[0] for other in ((8, 12), (7, 13))]
    for one in (whole[1], *others):
        assert abs((whole[0] * one).mean()) < 0.01 * 0.25
    assert whole.std() == pytest.approx(0.25, rel=0.01) and abs(whole.mean()) < 0.01
