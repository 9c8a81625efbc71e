"""Annotations that do not fit are named, void labels become 255."""

import numpy as np
import pytest

from mmssl_robust.registry import TRANSFORMS
from mmssl_robust.utils.errors import UserError


def results_with(**annotations):
    return dict(
        img=np.zeros((4, 6, 3), np.uint8),
        ori_shape=(4, 6),
        img_path='problem.jpg',
        seg_map_path='labels.png',
        depth_map_path='depth.png',
        **annotations,
    )


def labels(*values):
    result = np.zeros((4, 6), np.uint8)
    result[0, : len(values)] = values
    return result


def check(**kwargs):
    return TRANSFORMS.build(dict(type='mmssl_robust.CheckAnnotations', **kwargs))


def test_what_fits_passes_unchanged():
    seg_map = labels(0, 2, 255)
    results = check(num_classes=3)(results_with(gt_seg_map=seg_map))
    np.testing.assert_array_equal(results['gt_seg_map'], labels(0, 2, 255))
    assert check()(results_with(gt_depth_map=np.ones((4, 6), np.float32)))['ori_shape'] == (4, 6)


@pytest.mark.parametrize(
    'field, path', [('gt_seg_map', 'labels.png'), ('gt_depth_map', 'depth.png')], ids=['labels', 'depth']
)
def test_another_size_is_refused(field, path):
    with pytest.raises(UserError, match=f'{path} is 4x6, its image problem.jpg 6x4'):
        check()(results_with(**{field: np.zeros((6, 4), np.uint8)}))


@pytest.mark.parametrize('label', [3, 254])
def test_a_label_out_of_range_is_refused(label):
    with pytest.raises(UserError, match=f'labels.png holds label {label}, but the model has 3 classes'):
        check(num_classes=3)(results_with(gt_seg_map=labels(0, label)))


def test_void_becomes_255():
    ignore = TRANSFORMS.build(dict(type='mmssl_robust.IgnoreLabel', label=11))
    seg_map = ignore(results_with(gt_seg_map=labels(10, 11, 255)))['gt_seg_map']
    np.testing.assert_array_equal(seg_map, labels(10, 255, 255))
    assert seg_map.dtype == np.uint8


def test_eigen_crop_marks_the_rest_as_missing():
    depth = np.arange(480 * 640, dtype=np.float32).reshape(480, 640) + 1
    cropped = TRANSFORMS.build(dict(type='mmssl_robust.EigenCrop'))(dict(gt_depth_map=depth))['gt_depth_map']
    rows, columns = np.nonzero(cropped)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (45, 470, 41, 600)
    np.testing.assert_array_equal(cropped[45:471, 41:601], depth[45:471, 41:601])
