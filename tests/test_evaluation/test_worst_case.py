"""The worst of several attacks, against trying all combinations."""

import itertools

import numpy as np
import pandas as pd
import pytest

from mmssl_robust.evaluation.samples import sample_of
from mmssl_robust.evaluation.worst_case import by_budget, worst_of


def segmentation(images=5, attacks=3, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(images):
        labels = rng.integers(0, 50, classes) * (rng.random(classes) < 0.7)
        for attack in range(attacks):
            intersections = np.floor(labels * rng.random(classes)).astype(int)
            unions = labels + rng.integers(0, 20, classes)
            quality = intersections.sum() / max(labels.sum(), 1)
            values = dict(intersections=intersections, unions=unions, labels=labels)
            rows.append(dict(index=index, attack=str(attack), quality=quality, **values))
    return pd.DataFrame(rows)


def miou(rows):
    return sample_of(rows, 'segmentation').values()['mIoU']


@pytest.mark.parametrize('seed', range(12))
def test_greedy_miou_lies_between_the_best_attack_and_the_bound(seed):
    records = segmentation(seed=seed)
    worst = worst_of(records, 'segmentation')
    assert worst.records['index'].tolist() == list(range(5))
    assert worst.miou == pytest.approx(miou(worst.records))
    single = [miou(records[records['attack'] == str(attack)]) for attack in range(3)]
    groups = [group for _, group in records.groupby('index')]
    every = min(miou(pd.DataFrame(rows)) for rows in itertools.product(*[list(g.iloc) for g in groups]))
    assert worst.bound - 1e-9 <= every <= worst.miou + 1e-9 <= min(single) + 1e-8
    assert worst.miou <= every + 1.5  # here the greedy choice is near the best of all


def test_the_bound_is_reached_where_one_attack_is_worst_for_all():
    records = segmentation(attacks=1)
    worse = records.assign(attack='worse', quality=0.0, intersections=[0 * parts for parts in records['intersections']])
    worst = worst_of(pd.concat([records, worse]), 'segmentation')
    assert worst.miou == worst.bound == 0
    assert set(worst.records['attack']) == {'worse'}


def test_accuracy_is_exact():
    rows = [(0, 3, 3, 0.9), (0, 3, 1, -0.1), (1, 2, 2, 0.2), (1, 2, 2, 0.1), (2, 0, 1, -0.5), (2, 0, 0, 0.0)]
    records = pd.DataFrame(rows, columns=['index', 'label', 'prediction', 'quality'])
    worst = worst_of(records, 'classification')
    assert worst.records['prediction'].tolist() == [1, 2, 1]
    assert sample_of(worst.records, 'classification').values()['accuracy'] == pytest.approx(100 / 3)
    assert worst.bound is None and list(worst.records) == list(records)


def test_depth_is_exact_and_images_without_a_pixel_stay_out():
    columns = ['index', 'rmse', 'quality', 'abs_rel', 'log10', 'delta1', 'delta2', 'delta3']
    rows = [(0, 1.0, -1.0), (0, 3.0, -3.0), (1, np.nan, np.nan), (1, np.nan, np.nan), (2, 2.0, -2.0), (2, 0.5, -0.5)]
    records = pd.DataFrame([(*row, 0, 0, 0, 0, 0) for row in rows], columns=columns)
    assert sample_of(worst_of(records, 'depth').records, 'depth').values()['rmse'] == 2.5


def test_a_later_attack_needs_no_second_run_of_the_earlier():
    records = segmentation(attacks=2)
    both = worst_of(records, 'segmentation')
    later = segmentation(attacks=1, seed=5).assign(attack='later', labels=records['labels'][::2].to_list())
    assert worst_of(pd.concat([records, later]), 'segmentation').miou <= both.miou + 1e-9


def test_unequal_choices_are_refused():
    with pytest.raises(ValueError, match='1 to 3 records'):
        worst_of(segmentation().iloc[2:], 'segmentation')


def test_one_attacker_has_one_budget():
    attacks = dict(pgd=('linf', 8 / 255), embed=('linf', 8 / 255))
    assert by_budget(attacks) == {'': ['pgd', 'embed']} and by_budget({}) == {'': []}
    more = attacks | dict(weak=('linf', 0.5 / 255), far=('l2', 0.5))
    assert by_budget(more) == {'linf-8/255': ['pgd', 'embed'], 'linf-0.5/255': ['weak'], 'l2-0.5': ['far']}
