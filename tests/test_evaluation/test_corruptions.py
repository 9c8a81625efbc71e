"""Corruptions in an evaluation: metrics are means over them, and no worst case or check knows them."""

import pytest
from toys import (
    build,
    classification_run,
    depth_run,
    runner_of,
    segmentation_batch,
    segmentation_run,
    segmentor_cfg,
    write_classification,
    write_depth,
    write_segmentation,
)

from mmssl_robust.building import build_attack
from mmssl_robust.evaluation.sanity_checks import check_attacks
from mmssl_robust.evaluation.summary import metrics_table
from mmssl_robust.presets import load_preset
from mmssl_robust.utils.errors import UserError
from mmssl_robust.victims import build_victim

EDITS = dict(type='mmssl_robust.Corruptions', names=['jpeg', 'darken'], severity=5)
EMBED = dict(type='mmssl_robust.EmbedAttack', eps='8/255', steps=1)


@pytest.fixture(params=['classification', 'segmentation', 'depth'])
def run(request, tmp_path):
    data, work = tmp_path / 'data', tmp_path / 'work'
    if request.param == 'classification':
        write_classification(data, per_class=1)
        return classification_run(data, work)
    write, make = dict(segmentation=(write_segmentation, segmentation_run), depth=(write_depth, depth_run))[
        request.param
    ]
    write(data, [(40, 48), (30, 25)])
    return make(data, work)


def test_metrics_are_means_and_the_worst_case_is_without(run):
    runner = runner_of(run, test_cfg=dict(type='mmssl_robust.AttackTestLoop', attacks=dict(edits=EDITS, embed=EMBED)))
    metrics = runner.test()
    own = [name.removeprefix('edits/jpeg/') for name in metrics if name.startswith('edits/jpeg/')]
    assert own
    for name in own:
        mean = (metrics[f'edits/jpeg/{name}'] + metrics[f'edits/darken/{name}']) / 2
        assert metrics[f'edits/{name}'] == pytest.approx(mean)
    evaluation = runner.test_loop.evaluation
    assert evaluation.groups == dict(worst=['clean', 'embed'])
    summary = runner.test_loop.summary
    assert summary['attacks']['edits']['images'] == summary['images'] and summary['worst'] == ['worst']
    table = metrics_table(metrics, summary, 'title')
    assert 'edits: mean over its rows' in table.caption and 'edits/jpeg: ' not in table.caption


def test_they_are_not_checked_as_attacks_are():
    assert check_attacks(build(segmentor_cfg()), iter(()), dict(edits=build_attack(EDITS))) == {}


def test_a_crop_is_refused_where_pixels_have_a_truth():
    victim = build_victim(build(segmentor_cfg()), segmentation_batch((16, 16), (16, 16)))
    with pytest.raises(UserError, match='a crop moves them: use the presets corruptions or edits-in-place'):
        victim.attack(build_attack(load_preset('edits')))
    victim.attack(build_attack(load_preset('edits-in-place')))
