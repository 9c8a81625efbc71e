"""Which classes an image shows, from its label map."""

import numpy as np
import pytest

from mmssl_robust.registry import TRANSFORMS
from mmssl_robust.utils.errors import UserError


def present(labels, **settings):
    transform = TRANSFORMS.build(dict(type='mmssl_robust.PresentClasses', num_classes=3, **settings))
    return transform(dict(gt_seg_map=labels, img_path='a.png'))


def test_a_class_is_present_from_its_share_on():
    labels = np.full((10, 20), 255, np.uint8)
    labels[0, :2], labels[1, 0], labels[2:] = 0, 1, 2  # 1 %, 0.5 %, 80 % of all pixels, those without a label too
    results = present(labels)
    assert results['gt_score'].tolist() == [1, 0, 1] and results['gt_score'].dtype == np.float32
    assert 'gt_seg_map' not in results and results['img_path'] == 'a.png'
    assert present(labels, min_share=0.005)['gt_score'].tolist() == [1, 1, 1]
    assert present(np.full((4, 4), 255))['gt_score'].tolist() == [0, 0, 0]


@pytest.mark.parametrize('share', [0, -0.1, 1.5])
def test_a_share_that_is_none(share):
    with pytest.raises(UserError, match='min_share is .*: it must be above 0'):
        present(np.zeros((2, 2), int), min_share=share)
