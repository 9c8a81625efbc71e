"""Samples that are read once."""

import cv2
import numpy as np
import pytest
import torch

from mmssl_robust.datasets import ListedDataset, MapLabels, RememberingDataset
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.json_files import write_json

SHAPE = (4, 6)
BYTES = 4 * 6 * 3 + 8 * 4 * 6  # of an image, and of a label map as integers of 64 bits


@pytest.fixture
def dataset(tmp_path):
    """Config of two images with label maps."""
    for place in range(2):
        cv2.imwrite(str(tmp_path / f'{place}.png'), np.full((*SHAPE, 3), place, np.uint8))
    cv2.imwrite(str(tmp_path / 'mask.png'), np.ones(SHAPE, np.uint8))
    entries = [dict(img_path=f'{place}.png', seg_map_path='mask.png') for place in range(2)]
    write_json(dict(metainfo={}, data_list=entries), tmp_path / 'list.json')
    return dict(
        type='mmssl_robust.ListedDataset',
        data_root=str(tmp_path),
        ann_file='list.json',
        data_prefix=dict(img_path='', seg_map_path=''),
        metainfo=dict(classes=['a', 'b']),
        pipeline=[
            dict(type='mmcv.LoadImageFromFile'),
            dict(type='mmseg.LoadAnnotations'),
            dict(type='mmseg.PackSegInputs', meta_keys=('img_path',)),
        ],
    )


def test_a_list_of_files_is_a_data_set(dataset, tmp_path):
    listed = ListedDataset(**{key: value for key, value in dataset.items() if key != 'type'})
    assert len(listed) == 2 and listed.metainfo['classes'] == ['a', 'b']
    sample = listed[1]['data_samples']
    assert sample.img_path == str(tmp_path / '1.png') and sample.gt_sem_seg.data.unique().tolist() == [1]


def test_files_are_read_once_and_samples_are_ones_own(dataset, tmp_path):
    remembering = RememberingDataset(dataset)
    first = remembering[0]
    first['data_samples'].gt_sem_seg.data[:] = 7  # as a preprocessor pads in place
    (tmp_path / '0.png').unlink()
    again = remembering[0]
    assert torch.equal(again['inputs'], first['inputs']) and again[
        'data_samples'
    ].gt_sem_seg.data.unique().tolist() == [1]
    assert remembering.bytes == BYTES and len(remembering) == 2 and remembering.metainfo['classes'] == ['a', 'b']
    assert remembering.get_data_info(0) == {} and remembering.get_data_info(1)['img_path'].endswith('1.png')


def test_beyond_the_limit_files_are_read_anew(dataset, tmp_path):
    remembering = RememberingDataset(dataset, limit=BYTES)
    assert [len(remembering[place]) for place in (0, 1)] == [2, 2]
    assert remembering.bytes == BYTES
    (tmp_path / '1.png').unlink()
    assert remembering[0]
    with pytest.raises(UserError, match='cannot read .*1.png'):
        remembering[1]


def test_labels_are_numbered_from_0_on():
    results = dict(gt_seg_map=np.array([[0, 128], [255, 3]], np.uint8))
    mapped = MapLabels([0, 128, 255]).transform(results)['gt_seg_map']
    assert mapped.tolist() == [[0, 1], [2, 255]]
