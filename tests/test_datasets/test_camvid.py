"""CamVid's classes stand in the order of its labels."""

import numpy as np
from mmengine.registry import init_default_scope

from mmssl_robust.datasets import CamVidDataset

PIPELINE = [
    dict(type='LoadAnnotations'),
    dict(type='mmssl_robust.IgnoreLabel', label=11),
]


def test_classes_lie_where_a_driver_sees_them(data_root):
    init_default_scope('mmseg')
    dataset = CamVidDataset(
        data_root=str(data_root / 'camvid'),
        data_prefix=dict(img_path='images/test', seg_map_path='annotations/test'),
        pipeline=PIPELINE,
    )
    assert len(dataset) == 12
    assert len(dataset.metainfo['palette']) == len(dataset.metainfo['classes']) == 11
    labels = np.stack([item['gt_seg_map'] for item in dataset])
    rows = np.arange(labels.shape[1])[:, None] * np.ones(labels.shape)
    height = {name: rows[labels == index].mean() for index, name in enumerate(dataset.metainfo['classes'])}
    assert height['sky'] < height['building'] < height['car'] < height['road']
    assert height['tree'] < height['pavement']
    share = {name: (labels == index).mean() for index, name in enumerate(dataset.metainfo['classes'])}
    assert share['road'] > 0.2
    assert share['pole'] < 0.02
    assert 0 < (labels == 255).mean() < 0.1
    assert not (labels == 11).any()
