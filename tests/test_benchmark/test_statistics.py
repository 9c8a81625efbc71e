"""Metrics from records: equal to the stock ones, with intervals that cover what they should."""

import numpy as np
import pandas as pd
import pytest
import torch
from mmseg.evaluation import IoUMetric
from scipy import stats

from mmssl_robust.benchmark.statistics import BOOTSTRAP, EXACT, NONE, compare, estimates
from mmssl_robust.tasks import Contributions, task_named
from mmssl_robust.utils.errors import UserError


def classified(right, index=None):
    right = np.asarray(right)
    index = np.arange(len(right)) if index is None else index
    return task_named('classification').contributions(
        pd.DataFrame(dict(index=index, label=1, prediction=np.where(right, 1, 0)))
    )


def segmented(rng, images=20, classes=5):
    labels = rng.integers(0, 900, (images, classes)) * (rng.random((images, classes)) < 0.6)
    intersections = (labels * rng.random((images, classes))).astype(int)
    unions = labels + rng.integers(0, 50, (images, classes)) * (labels > 0)
    columns = dict(intersections=list(intersections), unions=list(unions), labels=list(labels))
    return pd.DataFrame(dict(index=np.arange(images), **columns))


def test_accuracy_and_its_bootstrap_interval():
    found = estimates(classified([True] * 70 + [False] * 30))['accuracy']
    assert found.value == pytest.approx(70)
    assert found.images == 100
    assert found.method == BOOTSTRAP
    # Of a share the bootstrap's distribution is the binomial one.
    low, high = stats.binom.ppf([0.025, 0.975], 100, 0.7)
    assert (found.low, found.high) == (pytest.approx(low, abs=1.01), pytest.approx(high, abs=1.01))


@pytest.mark.parametrize(('right', 'bound'), [([False] * 20, 'high'), ([True] * 20, 'low')])
def test_unanimous_images_have_an_exact_interval(right, bound):
    found = estimates(classified(right))['accuracy']
    assert found.method == EXACT
    assert found.value == (100 if right[0] else 0)
    # (1 - p)^n = 2.5 %
    p = 100 * (1 - 0.025 ** (1 / 20))
    assert getattr(found, bound) == pytest.approx(p if bound == 'high' else 100 - p)


def test_miou_is_that_of_mmseg():
    table = segmented(np.random.default_rng(0))
    table['unions'] = [unions * np.array([1, 1, 1, 1, 0]) for unions in table.unions]  # the last class never occurs
    for name in ('labels', 'intersections'):
        table[name] = [values * np.array([1, 1, 1, 1, 0]) for values in table[name]]
    sums = [torch.tensor(np.stack(table[name]).sum(axis=0)) for name in ('intersections', 'unions', 'unions', 'labels')]
    expected = IoUMetric.total_area_to_metrics(*sums)
    found = task_named('segmentation').contributions(table).values()
    assert found['mIoU'] == pytest.approx(100 * np.nanmean(expected['IoU']))
    assert found['aAcc'] == pytest.approx(100 * float(expected['aAcc']))
    assert found['mAcc'] == pytest.approx(100 * np.nanmean(expected['Acc']))


def test_depth_errors_are_means_over_images_with_a_valid_pixel():
    columns = ('rmse', 'abs_rel', 'log10', 'delta1', 'delta2', 'delta3')
    table = pd.DataFrame({name: [1.0, 3.0, np.nan] for name in columns} | dict(index=[4, 5, 6]))
    found = estimates(task_named('depth').contributions(table))
    assert found['rmse'].value == 2
    assert found['rmse'].images == 2


def test_the_interval_is_scipys():
    values = np.random.default_rng(1).gamma(2, size=60)
    columns = dict.fromkeys(('abs_rel', 'log10', 'delta1', 'delta2', 'delta3'), 1.0)
    table = pd.DataFrame(dict(index=range(60), rmse=values, **columns))
    found = estimates(task_named('depth').contributions(table), resamples=20000)
    expected = stats.bootstrap((values,), np.mean, n_resamples=20000, method='percentile', rng=0).confidence_interval
    assert found['rmse'].low == pytest.approx(expected.low, rel=0.01)
    assert found['rmse'].high == pytest.approx(expected.high, rel=0.01)
    assert found['abs_rel'].method == NONE


def test_nineteen_of_twenty_intervals_cover_the_truth():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        found = estimates(classified(rng.random(200) < 0.4), resamples=500)['accuracy']
        covered += found.low <= 40 <= found.high
    assert 0.91 <= covered / 300 <= 0.98


def test_images_are_resampled_whole_and_the_seed_decides():
    table = segmented(np.random.default_rng(3))
    sample = task_named('segmentation').contributions(table)
    first, again, other = (estimates(sample, 500, seed)['mIoU'] for seed in (0, 0, 1))
    assert first == again != other
    # By hand: draw images with replacement.
    rng = np.random.default_rng(9)
    drawn = []
    for _ in range(2000):
        chosen = sample.parts[rng.integers(0, 20, 20)]
        drawn.append(sample.task.metric_values(chosen, np.ones((1, 20)))[0, 0])
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert first.low == pytest.approx(low, abs=1.5)
    assert first.high == pytest.approx(high, abs=1.5)


def test_paired_differences_are_narrower_than_unpaired_ones():
    rng = np.random.default_rng(4)
    difficulty = rng.random(200)
    first, second = classified(difficulty < 0.5), classified(difficulty < 0.6)
    found = compare(first, second)['accuracy']
    assert found.value == pytest.approx(second.values()['accuracy'] - first.values()['accuracy'])
    assert found.low > 0  # though the intervals of both overlap
    assert estimates(first)['accuracy'].high > estimates(second)['accuracy'].low


def test_differences_of_unanimous_images_are_bounded():
    found = compare(classified([False] * 30), classified([False] * 30))['accuracy']
    assert found.value == 0
    assert found.low == -found.high < 0
    assert found.method == EXACT


def test_what_is_kept():
    assert compare(classified([1, 1, 1, 1]), classified([1, 0, 0, 0]), 'kept')['accuracy'].value == 25
    one, two = (
        Contributions(task_named('depth'), np.arange(2), np.array([[rmse] * 6 + [1.0]] * 2)) for rmse in (0.5, 2.0)
    )
    assert compare(one, two, 'kept')['rmse'].value == 25  # twice the error is half of the quality
    assert compare(one, two, 'kept')['delta1'].value == 400


def test_other_images_are_not_compared():
    with pytest.raises(ValueError, match='not the same images'):
        compare(classified([1, 0]), classified([1, 0], index=[0, 2]))


def test_a_large_data_set_takes_seconds():
    rng = np.random.default_rng(5)
    sample = task_named('segmentation').contributions(segmented(rng, images=2000, classes=150))
    assert estimates(sample, resamples=200)['mIoU'].low > 0


def test_intervals_of_the_miou_cover_it():
    """30 classes of which an image shows few: without correction for the bias, 4 of 10 intervals miss."""
    rng = np.random.default_rng(0)
    presence = np.linspace(0.6, 0.05, 30)
    skill = rng.uniform(0.2, 0.9, 30)

    def images(count):
        labels = np.where(rng.random((count, 30)) < presence, rng.integers(50, 2000, (count, 30)), 0)
        quality = np.clip(skill + 0.15 * rng.standard_normal((count, 30)), 0.02, 0.98)
        intersections = np.round(labels * quality)
        return Contributions(
            task_named('segmentation'), np.arange(count), np.hstack([intersections, labels * 1.2, labels])
        )

    truth = images(200000).values()['mIoU']
    found = [estimates(images(60), resamples=300, seed=seed)['mIoU'] for seed in range(60)]
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert covered > 0.85


def test_more_resamples_than_memory_holds_are_refused():
    found = Contributions(task_named('depth'), np.arange(2), np.ones((2, 7)))
    with pytest.raises(UserError, match='99999999999 resamples of the bootstrap: 1000000 are the most'):
        estimates(found, resamples=99999999999)
