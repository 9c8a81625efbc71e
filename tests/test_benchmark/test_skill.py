"""Skill between chance and the best clean model, closed forms."""

import numpy as np
import pandas as pd
import pytest
from fakes import fake_row, write_suite

from mmssl_robust.benchmark.ranking import COLUMNS, ranking_of
from mmssl_robust.benchmark.row_records import RowRecords, read_rows, store_of
from mmssl_robust.benchmark.skill import contest_of, model_of
from mmssl_robust.benchmark.suite import Suite
from mmssl_robust.tasks import task_named
from mmssl_robust.tasks.skill import skill
from mmssl_robust.utils.errors import UserError

LABELS = [0] * 5 + [1] * 3 + [2] * 2


def write(folder, model, predictions, labels=LABELS, task='classification', columns=()):
    """Records of a model: `predictions` of the clean images, and under PGD."""
    row = fake_row(task, sweeps=False, encoder=model, name=f'{task}-{model}')
    attacks = {name: row.attacks[name] for name in list(row.attacks)[1:]}
    row = RowRecords(type(row)(**row.__dict__ | dict(attacks=attacks)), store_of(row, folder))
    write_suite(folder, [row.row], examples=0, images=len(labels))
    for attack, found in zip(('clean', *attacks), predictions):
        (row.store.folder / f'{attack}.parquet').unlink()
        shared = dict(file='', attack=attack, forwards=1, backwards=0, seconds=0.0)
        lines = [dict(index=place, **shared, **_line(task, *pair)) for place, pair in enumerate(zip(labels, found))]
        row.store.add(attack, 0, lines)
        row.store.finish(attack, 1)
    return row


def _line(task, truth, prediction):
    if task == 'depth':
        mean, deviation = truth
        others = dict.fromkeys(('abs_rel', 'log10', 'delta1', 'delta2', 'delta3'), 0.0)
        return dict(rmse=prediction, quality=-prediction, depth_mean=mean, depth_std=deviation, **others)
    return dict(label=truth, prediction=prediction, quality=float(truth == prediction))


def test_chance_of_classes_is_the_most_frequent_one():
    assert task_named('classification').chance(pd.DataFrame(dict(label=LABELS))) == 50


def test_chance_of_label_maps_says_one_class_everywhere():
    labels = [np.array([60, 20, 0]), np.array([0, 20, 0])]
    # 60 of 100 pixels overlap of the most frequent class, of the other none; the third does not occur.
    assert task_named('segmentation').chance(pd.DataFrame(dict(labels=labels))) == pytest.approx(30)


def test_chance_of_depth_is_one_depth_everywhere():
    # Two images around 2 m, whose means are 3 m and 1 m: a pixel of each deviates by 0 and by 1.
    moments = pd.DataFrame(dict(depth_mean=[3.0, 1.0], depth_std=[0.0, 1.0]))
    assert task_named('depth').chance(moments) == pytest.approx((1 + 2**0.5) / 2)
    assert task_named('depth').chance(moments * np.nan) is None


def test_skill_by_hand():
    classes, depth = task_named('classification'), task_named('depth')
    assert skill(np.array([10, 50, 90]), 10, np.array(90), classes).tolist() == [0, 0.5, 1]
    assert np.isnan(skill(np.array([10]), 50, np.array(50), classes)).all()
    assert skill(np.array([0, 1, 2, 3]), 2, np.array(0.1), depth).tolist() == [1, 0.5, 0, -0.5]


def test_a_weak_clean_model_cannot_win(tmp_path):
    weak = write(tmp_path, 'weak', [[0] * 10, [0] * 10])  # keeps all that it has, which is chance
    # Right of all, then of 7 of 10: (70 - 50) / (100 - 50).
    strong = write(tmp_path, 'strong', [LABELS, [*LABELS[:7], 0, 0, 0]])
    contest = contest_of([weak, strong], 500)
    assert (contest.chance, contest.reference, contest.images) == (50, 'strong', 10)
    assert contest.skill['weak'].value == 0
    assert contest.skill['strong'].value == pytest.approx(0.4)
    assert contest.skill['strong'].low < 0.4 < contest.skill['strong'].high
    assert ranking_of([weak, strong], 500).models == ('strong', 'weak')


def test_the_clean_prediction_belongs_to_the_worst_case(tmp_path):
    lucky = write(tmp_path, 'lucky', [[0] * 10, LABELS])  # the attack helps
    sound = write(tmp_path, 'sound', [LABELS, LABELS])
    contest = contest_of([lucky, sound], 50)
    assert contest.attacked == dict(lucky=50, sound=100)


def test_where_all_images_fall_the_interval_is_exact(tmp_path):
    fallen = write(tmp_path, 'fallen', [LABELS, [9] * 10])
    estimate = contest_of([fallen], 50).skill['fallen']
    assert (estimate.value, estimate.low, estimate.method) == (-1, -1, 'Clopper-Pearson')
    share = 1 - 0.025 ** (1 / 10)  # Clopper-Pearson's upper end of 0 of 10
    assert estimate.high == pytest.approx((share - 0.5) / 0.5)


def test_overall_is_the_skill_where_there_is_one_task(tmp_path):
    rows = [write(tmp_path, model, [LABELS, [9] * fell + LABELS[fell:]]) for model, fell in (('a', 10), ('b', 4))]
    ranking = ranking_of(rows, 100)
    assert ranking.overall == ranking.contests[0].skill
    assert ranking.overall['a'].method == 'Clopper-Pearson'


def test_where_the_least_skill_is_of_images_that_all_fall_its_interval_is_exact(tmp_path):
    rows = [write(tmp_path, 'fallen', [LABELS, [9] * 10]), write(tmp_path, 'other', [LABELS, LABELS])]
    rows += [write(tmp_path, name, [[0.1] * 4, [0.5] * 4], [(2.0, 1.0)] * 4, 'depth') for name in ('fallen', 'other')]
    ranking = ranking_of(rows, 100)
    assert ranking.overall['fallen'] == ranking.contests[0].skill['fallen']
    assert ranking.overall['fallen'].method == 'Clopper-Pearson'


def test_equal_skills_share_a_rank(tmp_path):
    fell = dict(best=1, one=3, two=3, last=5)
    rows = [write(tmp_path, model, [LABELS, [9] * count + LABELS[count:]]) for model, count in fell.items()]
    ranking = ranking_of(rows, 50)
    assert {model: ranking.rank(model) for model in fell} == dict(best=1, one=2, two=2, last=4)


def test_overall_is_the_least_skill_and_differences_are_paired(tmp_path):
    truth = [(2.0, 1.0)] * 4  # a constant is wrong by 1 m
    rows = []
    for model, fell, error in (('even', 2, 0.7), ('uneven', 0, 0.9)):
        rows.append(write(tmp_path, model, [LABELS, [9] * fell + LABELS[fell:]]))
        rows.append(write(tmp_path, model, [[0.1] * 4, [error] * 4], truth, 'depth'))
    ranking = ranking_of(rows, 200)
    # (80 - 50) / 50 and 1 - 0.7; 1 and 1 - 0.9.
    assert ranking.models == ('even', 'uneven')
    assert ranking.overall['even'].value == pytest.approx(0.3)
    assert ranking.overall['uneven'].value == pytest.approx(0.1)
    overall, classes, depth = ranking.pairs
    assert [pair.difference.value for pair in ranking.pairs] == pytest.approx([0.2, -0.4, 0.2])
    assert overall.contest is None and depth.contest.task == 'depth'
    # Images that both models get right weigh nothing in the difference: 0 to 10 of those that fell.
    assert classes.difference.low < -0.4 < classes.difference.high <= 0
    table = ranking.table()
    assert tuple(table) == COLUMNS and table['kind'].value_counts().to_dict() == dict(skill=4, difference=3, overall=2)
    assert ranking.as_dict()['schema_version'] == 1 and ranking.as_dict()['lines'][0]['against'] is None


def test_what_lacks_a_task_has_no_overall_skill(tmp_path):
    rows = [write(tmp_path, model, [LABELS, LABELS]) for model in ('whole', 'part')]
    rows.append(write(tmp_path, 'whole', [[0.1] * 4, [0.5] * 4], [(2.0, 1.0)] * 4, 'depth'))
    ranking = ranking_of(rows, 50)
    assert ranking.models == ('whole', 'part') and list(ranking.overall) == ['whole']
    assert ranking.rank('part') is None


def test_one_name_for_two_models_is_refused(tmp_path):
    one = write(tmp_path, 'one', [LABELS, LABELS])
    with pytest.raises(UserError, match='are of one model'):
        contest_of([one, one], 10)


def test_variants_are_models_of_their_own(tmp_path):
    write_suite(tmp_path, examples=0)
    rows = read_rows(tmp_path)[1]
    assert {model_of(records) for records in rows} == {'DINO ViT-B/16', 'DINO ViT-B/16, DeACL'}
    ranking = ranking_of(rows, 50)
    assert len(ranking.contests) == 3
    *others, depth = ranking.contests
    assert depth.chance is None and not depth.is_scored  # older records of depth have no moments
    least = min(contest.skill['DINO ViT-B/16'].value for contest in others)
    assert ranking.overall['DINO ViT-B/16'].value == least
    assert isinstance(read_rows(tmp_path)[0], Suite)
