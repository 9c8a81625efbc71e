"""Position embeddings against bicubic interpolation written out from its definition."""

import numpy as np
import pytest
import torch

from mmssl_robust.models.backbones import DINOVisionTransformer, resample_pos_embed


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


@pytest.mark.parametrize('grid', [(4, 16), (8, 8), (3, 40)])
def test_a_native_grid_that_is_no_square(grid):
    """32 x 128 pixels of patch 8: 64 embeddings, as many as those of a square."""
    embed = np.random.default_rng(0).normal(size=(1 + 4 * 16, 5))
    rows, columns = (plain_matrix(old, new, (new + 0.1) / old) for old, new in zip((4, 16), grid))
    expected = np.einsum('hi,wj,ijd->hwd', rows, columns, embed[1:].reshape(4, 16, 5)).reshape(-1, 5)
    embeds = torch.tensor(embed)[None].float()
    result = resample_pos_embed(embeds, grid, native=(4, 16))
    if grid == (4, 16):
        assert result is embeds
    else:
        np.testing.assert_allclose(result[0, 1:].numpy(), expected, atol=5e-6)


def test_a_grid_that_is_not_theirs():
    with pytest.raises(ValueError, match='65 position embeddings are no grid of 4 x 16'):
        resample_pos_embed(torch.zeros(1, 66, 3), (8, 8), native=(4, 16))


def test_an_encoder_of_a_native_size_that_is_no_square():
    arch = dict(img_size=(16, 64), patch_size=8, embed_dim=12, depth=1, num_heads=2)
    encoder = DINOVisionTransformer(arch, out_type='featmap').eval()
    assert encoder.vit._pos_embed(torch.zeros(1, 2, 8, 12))[:, 1:].equal(encoder.vit.pos_embed[:, 1:])
    assert encoder(torch.zeros(1, 3, 24, 40))[0].shape == (1, 12, 3, 5)
