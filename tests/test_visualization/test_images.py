import numpy as np
import pytest

from mmssl_robust.visualization.images import colour_labels, magnified, palette_for


@pytest.mark.parametrize('eps, factor', [(8 / 255, 15), (0.5, 1), (0.9, 1), (0.1, 5)])
def test_perturbation_fills_the_range(eps, factor):
    delta = np.array([eps, -eps, 0.0])
    picture, shown = magnified(delta)
    assert shown == factor
    np.testing.assert_allclose(picture, np.clip(0.5 + factor * delta, 0, 1))
    assert eps > 0.5 or 0.4 <= abs(picture[0] - 0.5) <= 0.5


def test_no_perturbation():
    picture, factor = magnified(np.zeros((2, 2, 3)))
    assert factor == 1 and (picture == 0.5).all()


def test_labels_get_their_colours_and_the_rest_white():
    palette = [[255, 0, 0], [0, 0, 255]]
    painted = colour_labels(np.array([[0, 1], [255, 7], [300, -1]]), palette)
    assert painted.dtype == np.uint8
    assert painted.tolist() == [[[255, 0, 0], [0, 0, 255]], [[255] * 3] * 2, [[255] * 3] * 2]


def test_palette():
    classes = ['road', 'sky', 'tree']
    assert palette_for(classes, [[1, 2, 3]] * 4) == [[1, 2, 3]] * 3
    for missing in (None, [[1, 2, 3]]):
        made = palette_for(classes, missing)
        assert len({tuple(colour) for colour in made}) == 3 and all(0 <= part <= 255 for c in made for part in c)
