"""Position embeddings against bicubic interpolation written out from its definition."""

import numpy as np
import pytest
import torch

from mmssl_robust.models.backbones import resample_pos_embed


def cubic(x, a):
    """Keys' cubic convolution kernel."""
    x = np.abs(x)
    inner = (a + 2) * x**3 - (a + 3) * x**2 + 1
    outer = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x <= 1, inner, np.where(x < 2, outer, 0.0))


def plain_matrix(old, new, scale):
    """Rows of bicubic weights, samples beyond the border repeated, as facebookresearch's code gets them."""
    matrix = np.zeros((new, old))
    for row in range(new):
        centre = (row + 0.5) / scale - 0.5
        for tap in range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3):
            matrix[row, min(max(tap, 0), old - 1)] += cubic(centre - tap, -0.75)
    return matrix


def antialias_matrix(old, new):
    """The kernel stretched by the shrink factor, weights renormalised, taps beyond the border left out."""
    shrink = max(old / new, 1.0)
    matrix = np.zeros((new, old))
    for row in range(new):
        centre = (row + 0.5) * old / new
        first, last = max(int(centre - 2 * shrink + 0.5), 0), min(int(centre + 2 * shrink + 0.5), old)
        taps = np.arange(first, last)
        weights = cubic((taps + 0.5 - centre) / shrink, -0.5)
        matrix[row, taps] = weights / weights.sum()
    return matrix


@pytest.mark.parametrize('grid', [(4, 4), (6, 6), (11, 5), (20, 31)])
@pytest.mark.parametrize('antialias', [False, True])
def test_agrees_with_written_out_bicubic(grid, antialias):
    side, dim = 14, 5
    generator = np.random.default_rng(0)
    embed = generator.normal(size=(1 + side * side, dim))
    rows, columns = (
        antialias_matrix(side, new) if antialias else plain_matrix(side, new, (new + 0.1) / side) for new in grid
    )
    patches = embed[1:].reshape(side, side, dim)
    expected = np.einsum('hi,wj,ijd->hwd', rows, columns, patches).reshape(-1, dim)

    offset = 0.0 if antialias else 0.1
    result = resample_pos_embed(torch.tensor(embed)[None].float(), grid, offset, antialias)[0].numpy()

    np.testing.assert_allclose(result[0], embed[0], rtol=1e-6)
    np.testing.assert_allclose(result[1:], expected, atol=5e-6)


def test_native_grid_is_untouched():
    embed = torch.randn(1, 1 + 7 * 7, 3)
    assert resample_pos_embed(embed, (7, 7)) is embed
