"""Interpolation and sliding windows as matrices, against PyTorch's interpolation and a sum over windows."""

import pytest
import torch
import torch.nn.functional as F

from mmssl_robust.attacks.upsampled import Upsampled, full, interpolation, sliding

LIKE = torch.zeros(1, dtype=torch.float64)


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize(('small', 'large'), [((3, 5), (12, 17)), ((4, 4), (4, 4)), ((6, 7), (4, 5)), ((1, 2), (5, 6))])
def test_matrices_are_bilinear_interpolation(small, large, align_corners):
    low = torch.randn(2, 3, *small, dtype=torch.float64)
    rows, columns = (interpolation(*sizes, align_corners, LIKE)[None] for sizes in zip(small, large))
    maps = Upsampled(low, rows, columns)
    expected = F.interpolate(low, size=large, mode='bilinear', align_corners=align_corners)
    torch.testing.assert_close(maps.full(), expected)
    assert full(maps).equal(maps.full()) and full(low) is low
    assert maps.shape == expected.shape and len(maps) == 2


def test_windows_are_averaged():
    starts, crop, size, small = [0, 3, 5], 6, 11, 2
    parts = torch.randn(3, small, dtype=torch.float64)
    total, count = torch.zeros(size, dtype=torch.float64), torch.zeros(size, dtype=torch.float64)
    for start, part in zip(starts, parts):
        wide = F.interpolate(part[None, None, :, None], size=(crop, 1), mode='bilinear', align_corners=False)
        total[start : start + crop] += wide.flatten()
        count[start : start + crop] += 1
    torch.testing.assert_close(sliding(starts, crop, size, small, False, LIKE) @ parts.flatten(), total / count)


def test_images_may_differ_in_size():
    low = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    rows = torch.stack([F.pad(interpolation(4, size, False, LIKE), (0, 0, 0, 9 - size)) for size in (9, 6)])
    columns = interpolation(4, 8, False, LIKE)[None]
    full = Upsampled(low, rows, columns).full()
    torch.testing.assert_close(full[1, :, :6], F.interpolate(low[1:], size=(6, 8), mode='bilinear')[0])
    assert not full[1, :, 6:].any()
