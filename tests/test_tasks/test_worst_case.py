"""The worst of several attacks, against trying all combinations."""

import itertools

import numpy as np
import pandas as pd
import pytest

from mmssl_robust.attack_settings import AttackSettings
from mmssl_robust.tasks import by_budget, fallen_and_risen, task_named, worst_of

CLASSIFICATION, SEGMENTATION, DEPTH = map(task_named, ('classification', 'segmentation', 'depth'))


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
    return SEGMENTATION.contributions(rows).values()['mIoU']


@pytest.mark.parametrize('seed', range(12))
def test_greedy_miou_lies_between_the_best_attack_and_the_bound(seed):
    records = segmentation(seed=seed)
    worst = worst_of(records, SEGMENTATION)
    assert worst.records['index'].tolist() == list(range(5))
    single = [miou(records[records['attack'] == str(attack)]) for attack in range(3)]
    groups = [group for _, group in records.groupby('index')]
    every = min(miou(pd.DataFrame(rows)) for rows in itertools.product(*[list(g.iloc) for g in groups]))
    assert worst.bound - 1e-9 <= every <= miou(worst.records) + 1e-9 <= min(single) + 1e-8
    assert miou(worst.records) <= every + 1.5  # here the greedy choice is near the best of all


def test_the_bound_is_reached_where_one_attack_is_worst_for_all():
    records = segmentation(attacks=1)
    worse = records.assign(attack='worse', quality=0.0, intersections=[0 * parts for parts in records['intersections']])
    worst = worst_of(pd.concat([records, worse]), SEGMENTATION)
    assert miou(worst.records) == worst.bound == 0
    assert set(worst.records['attack']) == {'worse'}


def test_accuracy_is_exact():
    rows = [(0, 3, 3, 0.9), (0, 3, 1, -0.1), (1, 2, 2, 0.2), (1, 2, 2, 0.1), (2, 0, 1, -0.5), (2, 0, 0, 0.0)]
    records = pd.DataFrame(rows, columns=['index', 'label', 'prediction', 'quality'])
    worst = worst_of(records, CLASSIFICATION)
    assert worst.records['prediction'].tolist() == [1, 2, 1]
    assert CLASSIFICATION.contributions(worst.records).values()['accuracy'] == pytest.approx(100 / 3)
    assert worst.bound is None and list(worst.records) == list(records)


def test_depth_is_exact_and_images_without_a_pixel_stay_out():
    columns = ['index', 'rmse', 'quality', 'abs_rel', 'log10', 'delta1', 'delta2', 'delta3']
    rows = [(0, 1.0, -1.0), (0, 3.0, -3.0), (1, np.nan, np.nan), (1, np.nan, np.nan), (2, 2.0, -2.0), (2, 0.5, -0.5)]
    records = pd.DataFrame([(*row, 0, 0, 0, 0, 0) for row in rows], columns=columns)
    assert DEPTH.contributions(worst_of(records, DEPTH).records).values()['rmse'] == 2.5


def test_a_later_attack_needs_no_second_run_of_the_earlier():
    records = segmentation(attacks=2)
    both = miou(worst_of(records, SEGMENTATION).records)
    later = segmentation(attacks=1, seed=5).assign(attack='later', labels=records['labels'][::2].to_list())
    assert miou(worst_of(pd.concat([records, later]), SEGMENTATION).records) <= both + 1e-9


def test_unequal_choices_are_refused():
    with pytest.raises(ValueError, match='1 to 3 records'):
        worst_of(segmentation().iloc[2:], SEGMENTATION)


def threat(norm, eps, kind='image'):
    return AttackSettings('PGD', 'CrossEntropy', 'prediction', norm, eps, kind=kind)


def test_one_attacker_has_one_budget():
    attacks = dict(pgd=threat('linf', 8 / 255), embed=threat('linf', 8 / 255, 'joint'))
    assert by_budget(attacks) == {'': ['pgd', 'embed']} and by_budget({}) == {}
    more = attacks | dict(weak=threat('linf', 0.5 / 255), far=threat('l2', 0.5))
    assert by_budget(more) == {'linf-8/255': ['pgd', 'embed'], 'linf-0.5/255': ['weak'], 'l2-0.5': ['far']}


def test_what_is_in_no_ball_belongs_to_no_worst_case():
    others = {kind: threat('linf', 1, kind) for kind in ('patch', 'minimal', 'corruption')}
    assert by_budget(others) == {} and by_budget(others | dict(pgd=threat('linf', 1))) == {'': ['pgd']}


def test_the_attacker_may_leave_an_image_alone():
    """Wrong when clean and right under attack is not robust, and does not make up for a right one that falls."""
    columns = ['index', 'label', 'prediction', 'quality']
    clean = pd.DataFrame([(0, 1, 1, 0.5), (1, 1, 0, -0.5), (2, 1, 1, 0.1)], columns=columns)
    attacked = pd.DataFrame([(0, 1, 0, -0.1), (1, 1, 1, 0.2), (2, 1, 1, 0.1)], columns=columns)
    accuracy = lambda records: CLASSIFICATION.contributions(records).values()['accuracy']  # noqa: E731
    assert accuracy(clean) == accuracy(attacked) == pytest.approx(200 / 3)
    assert accuracy(worst_of(pd.concat([clean, attacked]), CLASSIFICATION).records) == pytest.approx(100 / 3)
    assert fallen_and_risen(CLASSIFICATION, clean, attacked) == (1, 1)
    assert fallen_and_risen(CLASSIFICATION, clean, clean) == (0, 0)


def test_maps_fall_and_rise_by_their_quality():
    clean, attacked = segmentation(attacks=1), segmentation(attacks=1).assign(quality=[0, 0.5, 0.9, 1, 2])
    before = clean['quality'].to_numpy()
    after = attacked['quality'].to_numpy()
    assert fallen_and_risen(SEGMENTATION, clean, attacked[::-1]) == ((after < before).sum(), (after > before).sum())
    depth = pd.DataFrame(dict(index=[0, 1, 2], quality=[-1.0, None, -2.0]))
    assert fallen_and_risen(DEPTH, depth, depth.assign(quality=[-3.0, None, -1.0])) == (1, 1)
    nothing = depth.assign(quality=[None] * 3)
    assert fallen_and_risen(DEPTH, nothing, nothing) == (0, 0)
