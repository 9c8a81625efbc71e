"""The embedding as a task: closed forms, and a row of a suite from attack to report."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from mmpretrain.structures import DataSample

from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.benchmark.row_records import store_of
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.statistics import estimates
from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.evaluation.embedding_metric import EmbeddingMetric
from mmssl_robust.functional.between_images import Moments, between_images
from mmssl_robust.models.heads import EmbeddingHead
from mmssl_robust.presets import load_preset, swept
from mmssl_robust.targeted import targeted
from mmssl_robust.tasks import Example, task_named
from mmssl_robust.utils.errors import UserError

EMBEDDING = task_named('embedding')
MOVED = ('cls_distance', 'cls_turn', 'patch_distance', 'patch_turn')


@pytest.mark.parametrize('normalised', [False, True])
def test_distance_between_images_is_that_of_all_pairs(normalised):
    images = [torch.randn(count, 5) + shift for count, shift in ((3, 0), (1, 2), (4, -1))]
    parts = [Moments.of(vectors[None], normalised) for vectors in images]
    moments = Moments(*(torch.cat(tensors) for tensors in zip(*parts)))
    if normalised:
        images = [vectors / vectors.norm(dim=1, keepdim=True) for vectors in images]
    squares = [float((x - y).square().sum()) for a, b in itertools.permutations(images, 2) for x in a for y in b]
    assert between_images(moments) == pytest.approx(math.sqrt(sum(squares) / len(squares)), rel=1e-5)


def filled(k=2):
    """A head whose bank are three images on the axes of CLS, each with the patches (1, 0, 0) and (0, 1, 0)."""
    head = EmbeddingHead(k=k)
    patches = torch.eye(3)[:2].T.reshape(1, 3, 1, 2).expand(3, -1, -1, -1)
    samples = [DataSample(metainfo=dict(img_path=f'{name}.png')) for name in 'abc']
    head.fill([head.entries((patches, torch.eye(3)), samples)])
    return head


def compared(head, cls, patches, name='a.png'):
    """An image whose tokens are these, and were those of `filled`."""
    sample = DataSample(metainfo=dict(img_path=name))
    sample.set_field(torch.eye(3)[[0, 0, 1]], 'reference')
    featmap = torch.tensor(patches).T.reshape(1, 3, 1, 2)
    (sample,) = head.predict(((featmap, torch.tensor([cls])),), [sample])
    return sample


def test_numbers_of_a_comparison():
    """CLS on the axes are sqrt(2) apart, of cosine 0; of patches half the pairs of different images are the same."""
    head = filled()
    still = compared(head, [1.0, 0.0, 0.0], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    record = EMBEDDING.record(EmbeddingMetric(), still)
    assert [record[name] for name in MOVED] == pytest.approx([0] * 4)
    assert record['cls_cosine'] == record['patch_cosine'] == pytest.approx(1)
    assert record['nearest'] and record['overlap'] == record['patches'] == record['quality'] == 1
    moved = compared(head, [0.0, 2.0, 0.0], [[0.0, 1.0, 0.0], [0.0, 3.0, 0.0]])
    record = EMBEDDING.record(EmbeddingMetric(), moved)
    assert record['cls_distance'] == pytest.approx(math.sqrt(5) / math.sqrt(2))
    assert (record['cls_turn'], record['cls_cosine'], record['quality']) == pytest.approx((1, 0, -1))
    assert record['patch_distance'] == pytest.approx((math.sqrt(2) + 2) / 2 / 1)  # root of the mean of 0 and 2
    assert record['patch_turn'] == pytest.approx(0.5 / 0.5)
    assert (record['nearest'], record['patches']) == (False, 0.5)
    assert moved.cosines.tolist() == [[0, 1]]


def test_neighbours_are_of_other_images_alone():
    head = filled(k=1)
    moved = compared(head, [0.8, 0.1, 0.6], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], name='c.png')
    assert moved.comparison['other'] == 'a.png'  # and not itself, c.png
    assert moved.comparison['overlap'] == 1
    unknown = compared(head, [1.0, 0.0, 0.0], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], name='other.png')
    assert unknown.comparison['other'] == 'a.png' and unknown.comparison['nearest']


def test_few_images_have_few_neighbours():
    """Of all other images the nearest would always be the same ones."""
    head = EmbeddingHead(k=10)
    patches = torch.ones(9, 9, 1, 1)
    head.fill([head.entries((patches, torch.eye(9)), [DataSample(metainfo=dict(img_path=str(i))) for i in range(9)])])
    reference = 5 * torch.eye(9)[:1] + torch.tensor([[0.0, 2, 1, 0, 0, 0, 0, 0, 0]])  # near 1 and 2
    sample = DataSample(metainfo=dict(img_path='0'))
    sample.set_field(torch.cat((reference, torch.ones(1, 9))), 'reference')
    moved = torch.tensor([[0.0, 1, 0, 2, 0, 0, 0, 0, 0]])  # near 3 and 1
    (sample,) = head.predict(((torch.ones(1, 9, 1, 1), moved),), [sample])
    assert sample.comparison['overlap'] == 0.5 and sample.comparison['other'] == '3'


def probing(far=3.0):
    """A head whose bank are ten images at each of -far and far on the first axis, and what moved CLS is worth there."""
    head = EmbeddingHead(probe_classes=2)
    cls = torch.tensor([[sign * far, side, 0.0] for sign in (-1, 1) for side in (-1.0, 1.0) for _ in range(5)])
    samples = [DataSample(metainfo=dict(img_path=str(place))) for place in range(20)]
    head.fill([head.entries((torch.ones(20, 3, 1, 2), cls), samples)])

    def kept(before, after):
        sample = DataSample(metainfo=dict(img_path='other'))
        sample.set_field(torch.cat((torch.tensor([before]), torch.ones(2, 3))), 'reference')
        (sample,) = head.predict(((torch.ones(1, 3, 1, 2), torch.tensor([after])),), [sample])
        return sample

    return kept


@pytest.mark.parametrize('where, share', [(0.1, 1), (-0.1, 0), (30.0, 1)])
def test_a_linear_probe_says_another_class_beyond_the_plane_between_two_clusters(where, share):
    """By symmetry the plane goes through 0, whatever the second coordinate is."""
    sample = probing()([3.0, 1.0, 0.0], [where, -40.0, 7.0])
    record = EMBEDDING.record(EmbeddingMetric(), sample)
    assert record['probe'] == share
    metric = EmbeddingMetric()
    metric.process(None, [sample.to_dict()])
    assert metric.compute_metrics(metric.results)['probe'] == 100 * share
    records = pd.DataFrame([dict(index=0, **record)])
    assert estimates(EMBEDDING.contributions(records), 10)['probe'].value == 100 * share


def test_a_bank_for_probes_has_some_images_of_each_class():
    head = EmbeddingHead(probe_classes=2)
    samples = [DataSample(metainfo=dict(img_path=str(place))) for place in range(19)]
    with pytest.raises(UserError, match='19 images in the bank: linear probes need at least 20'):
        head.fill([head.entries((torch.ones(19, 3, 1, 2), torch.randn(19, 3)), samples)])


def test_without_a_bank_nothing_is_said_of_probes():
    record = EMBEDDING.record(
        EmbeddingMetric(), compared(filled(), [1.0, 0.0, 0.0], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    )
    assert 'probe' not in record
    assert 'probe' not in estimates(EMBEDDING.contributions(pd.DataFrame([dict(index=0, **record)])), 10)


def test_metric_and_contributions_agree():
    head = filled()
    samples = [
        compared(head, [1.0, 0.5, 0.0], [[1.0, 0.0, 0.2], [0.0, 1.0, 0.0]]),
        compared(head, [0.0, 1.0, 0.0], [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
    ]
    metric = EmbeddingMetric()
    metric.process(None, [sample.to_dict() for sample in samples])
    records = pd.DataFrame([dict(index=i, **EMBEDDING.record(metric, one)) for i, one in enumerate(samples)])
    expected = metric.compute_metrics(metric.results) | dict(probe=math.nan)  # of which nothing is known
    assert EMBEDDING.contributions(records).values() == pytest.approx(expected, nan_ok=True)
    assert EMBEDDING.is_right(records).tolist() == [True, False]


def test_what_cannot_be_compared():
    head = EmbeddingHead()
    with pytest.raises(UserError, match='is empty'):
        head.predict(((torch.ones(1, 3, 1, 2), torch.ones(1, 3)),))
    with pytest.raises(UserError, match="set model.backbone.out_type='featmap_cls'"):
        head.entries(torch.ones(1, 3), [DataSample()])
    entries = head.entries((torch.ones(1, 3, 1, 2), torch.ones(1, 3)), [DataSample(metainfo=dict(img_path='a'))])
    with pytest.raises(UserError, match='1 image in the bank: the embedding needs at least two'):
        head.fill([entries])
    with pytest.raises(UserError, match='give the config mmssl_robust.EmbeddingHead'):
        EmbeddingMetric().numbers_of({})
    with pytest.raises(UserError, match='no targeted form'):
        targeted(load_preset('embed-cls'))


def test_words_and_pictures():
    head = filled()
    clean = compared(head, [1.0, 0.0, 0.0], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    moved = compared(head, [0.0, 1.0, 0.0], [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    pixels = np.zeros((2, 2, 3))
    example = Example(0, 'a.png', 'embed-cls', 'embedding', 1, -1, pixels, pixels, **EMBEDDING.example(clean, moved))
    words = EMBEDDING.captions(example, {})
    assert words == ('a.png', 'cosine 1.00, nearest itself', 'cosine 0.00, nearest b.png')
    before, after = EMBEDDING.pictures(example, {})
    assert before.array.tolist() == [[1, 1]] and after.array.tolist() == [[0, 1]] and after.limits == (0, 1)


def test_a_row_of_a_suite(tmp_path, data_root):
    attacks = {name: load_preset(name, steps=2) for name in ('embed-cls', 'embed-patch')}
    sweeps = swept(dict(list(attacks.items())[:1]), dict(eps=['2/255']))
    row = Row(
        'configs/embedding/mini_cifar10_embedding.py',
        'embedding',
        'CIFAR-10',
        'mini ViT',
        name='row',
        max_images=4,
        batch_size=2,
        attacks=attacks | {name: config for name, (config, _) in sweeps.items()},
        sweeps={name: place for name, (_, place) in sweeps.items()},
    )
    run = SuiteRun(Suite('own', 'Own', (row,)), tmp_path, tmp_path / 'heads', Options(examples=1))
    run.check()
    run.run()
    store = store_of(row, tmp_path)
    clean, cls, patch, weak = (
        store.read(name) for name in ('clean', 'embed-cls', 'embed-patch', 'embed-cls-eps-2of255')
    )
    assert (clean[list(MOVED)] < 1e-9).all().all() and clean.nearest.all() and (clean.patches == 1).all()
    assert (cls.cls_distance > patch.cls_distance).all() and (cls.patch_distance < patch.patch_distance).all()
    assert (weak.cls_distance < cls.cls_distance).all() and (cls.cls_cosine < 1).all()
    page = write_report(tmp_path, tmp_path / 'report').read_text()
    assert 'images nearest to themselves' in page and 'cosine with itself' in page
