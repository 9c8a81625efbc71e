"""What is certified of predictions that are written by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample
from toys import dense_sample

from mmssl_robust.benchmark.certificates.embedding import EmbeddingCertifier
from mmssl_robust.benchmark.certificates.segmentation import SegmentationCertifier
from mmssl_robust.certified import Smoothing, certify_median
from mmssl_robust.tasks import task_named

METRIC = SimpleNamespace(dataset_meta=dict(classes=('a', 'b', 'c')), ignore_index=255)


def said(truth, labels):
    """A prediction of a label map."""
    sample = dense_sample((2, 3), (2, 3), 0, gt_sem_seg=torch.tensor(truth)[None])
    sample.pred_sem_seg = PixelData(data=torch.tensor(labels)[None])
    return sample


def test_areas_of_pixels_that_abstain():
    truth = [[0, 0, 1], [1, 2, 255]]
    steady = [[0, 1, 1], [1, 0, 0]]
    other = [[0, 1, 1], [2, 0, 0]]  # the first pixel of the second row is of two classes
    maps = [said(truth, steady)] * 5 + [said(truth, steady), said(truth, other)] * 50
    certifier = SegmentationCertifier(task_named('segmentation'), METRIC, Smoothing(0.25, 5, 100), (0.0,))
    [row] = certifier.certify([maps[:3], maps[3:]])
    assert row['labels'] == [2, 2, 1]
    assert row['intersections'] == [1, 1, 0]
    # Said and certified: class 0 twice, once wrongly; class 1 twice, once wrongly.
    assert row['unions'] == [3, 3, 1]
    # The one that abstains is of class 1, whose union it is in: it may become of the other two.
    assert row['widest_unions'] == [4, 3, 2]
    assert row['abstained'] == pytest.approx(1 / 6)


def test_what_abstains_lowers_the_bound_of_the_miou():
    certifier = SegmentationCertifier(task_named('segmentation'), METRIC, Smoothing(0.25, 5, 100), (0.0,))
    rows = dict(index=[0], intersections=[[1, 1, 0]], unions=[[3, 3, 1]], labels=[[2, 2, 1]])
    found = certifier.scores(pd.DataFrame(rows | dict(widest_unions=[[4, 3, 2]])), 100)
    assert found['mIoU'].value == pytest.approx(100 * (1 / 3 + 1 / 3) / 3)
    assert found['mIoU_bound'].value == pytest.approx(100 * (1 / 4 + 1 / 3) / 3)


def test_embedding_that_stays_near_itself():
    draws = np.random.default_rng(0).uniform(0.5, 0.9, 200)
    smoothing = Smoothing(0.25, n=200)
    certifier = EmbeddingCertifier(task_named('embedding'), None, smoothing, (0.0, 0.2, 1.0))
    samples = []
    for cosine in draws:
        sample = DataSample()
        sample.set_field(dict(cls_cosine=cosine, margin=cosine - 0.65), 'comparison')
        samples.append(sample)
    near, far, beyond = certifier.certify([samples])
    assert 0.6 < near['cls_cosine'] < 0.7 and near['margin'] == pytest.approx(near['cls_cosine'] - 0.65)
    assert near['nearest'] == (near['cls_cosine'] > 0.65) and not far['nearest']
    assert near['cls_cosine'] > far['cls_cosine'] > -1 == beyond['cls_cosine']
    assert [row['abstained'] for row in (near, far, beyond)] == [0, 0, 1]
    pair = np.stack([draws, (draws - 0.65) / 2], axis=1)
    assert near['cls_cosine'] == certify_median(pair, smoothing, (0.0,), -1, 1)[0][0][0]
