"""Attacks count the pixels that head and metric count, and say so where they cannot."""

import pytest
import torch
from mmengine.config import Config

from mmssl_robust.building import build_attack
from mmssl_robust.datasets.thresholds import share_thresholds
from mmssl_robust.evaluation.depth_metric import DepthMetric
from mmssl_robust.presets import load_preset
from mmssl_robust.registry import METRICS
from mmssl_robust.utils.errors import UserError
from mmssl_robust.victims import build_victim
from mmssl_robust.victims.thresholds import check_thresholds, thresholds_of
from tests.toys import build, depth_batch, depth_estimator_cfg, depth_run, segmentation_batch, segmentor_cfg

SIZE = (16, 24)


def far_batch():
    """Images wholly beyond 10 m."""
    batch = depth_batch(SIZE, SIZE, SIZE)
    for sample in batch['data_samples']:
        depth = sample.gt_depth_map.data
        sample.gt_depth_map.data = torch.where(depth > 0, 10 + 8 * depth, depth)
    return batch


def far_model():
    cfg = depth_estimator_cfg()
    cfg['decode_head']['max_depth'] = 80.0
    return build(cfg)


@pytest.mark.parametrize('preset', ['depthpgd', 'depth-ensemble'])
def test_depth_beyond_10_m_is_attacked_as_if_it_were_told(preset):
    victim = build_victim(far_model(), far_batch())
    found = victim.attack(build_attack(load_preset(preset, steps=3)))
    told = victim.attack(build_attack(load_preset(preset, steps=3, max_depth=80.0)))
    assert torch.equal(found.adv, told.adv) and torch.equal(found.score, told.score)
    clean = victim.objective_values(build_attack(load_preset('depthpgd')), victim.pixels).score
    assert (clean < 0).all() and (found.score < clean).all()


def test_the_wanted_depth_goes_as_far_as_the_head():
    attack = build_attack(dict(type='PGD', objective=dict(type='TargetedDepth', target='scale:100'), steps=0))
    victim = build_victim(far_model(), far_batch())
    _, member, _ = next(iter(victim.runs(attack)))
    assert member.objective.prepare(lambda x: x, torch.full((1, 1, 2, 2), 3.0), None).eq(80).all()


def ignoring(index):
    cfg = segmentor_cfg()
    cfg['decode_head']['ignore_index'] = index
    return build(cfg)


@pytest.mark.parametrize('preset', ['segpgd', 'cospgd', 'sea'])
def test_ignored_labels_are_not_attacked(preset):
    batch = segmentation_batch(SIZE, SIZE, (12, 20))
    for sample in batch['data_samples']:
        labels = sample.gt_sem_seg.data
        labels[labels == 255] = 0
    attack = build_attack(load_preset(preset, steps=2))
    found = build_victim(ignoring(0), batch).attack(attack)
    for sample in batch['data_samples']:
        labels = sample.gt_sem_seg.data
        labels[labels == 0] = 255
    expected = build_victim(ignoring(255), batch).attack(attack)
    assert torch.equal(found.adv, expected.adv) and torch.equal(found.score, expected.score)


def test_an_image_of_nothing_but_ignored_labels_is_no_success():
    batch = segmentation_batch(SIZE, SIZE)
    batch['data_samples'][0].gt_sem_seg.data.zero_()
    result = build_victim(ignoring(0), batch).attack(build_attack(load_preset('segpgd', steps=2)))
    assert not result.success.any() and result.score.tolist() == [1]


def test_class_255_of_many_is_a_class():
    cfg = segmentor_cfg(num_classes=300)
    cfg['decode_head']['ignore_index'] = 65535
    batch = segmentation_batch(SIZE, SIZE, (12, 20))
    for sample in batch['data_samples']:
        sample.gt_sem_seg.data = torch.full_like(sample.gt_sem_seg.data, 255).int()
    victim = build_victim(build(cfg), batch)
    targets = victim.targets()
    assert (targets[0] == 255).all() and (targets[1] == 65535).any()
    assert victim.attack(build_attack(load_preset('segpgd', steps=1))).score.max() < 1


def test_an_attack_that_was_told_another_range_is_refused():
    attack = build_attack(load_preset('depthpgd', max_depth=10.0))
    with pytest.raises(UserError, match='max_depth=10.*80') as caught:
        build_victim(far_model(), far_batch()).attack(attack)
    assert '\n' not in str(caught.value)


def test_metric_takes_the_word_of_the_data_set():
    metric = DepthMetric()
    assert (metric.min_depth, metric.max_depth) == (1e-3, 10)
    metric.dataset_meta = dict(max_depth=80.0)
    assert metric.max_depth == 80
    told = DepthMetric(max_depth=10)
    told.dataset_meta = dict(max_depth=80.0)
    with pytest.raises(UserError, match='max_depth=10'):
        assert told.max_depth


def test_head_and_metric_that_differ_are_refused():
    model = far_model()
    assert thresholds_of(model)['max_depth'] == 80
    with pytest.raises(UserError, match='max_depth is 10 by the metric DepthMetric, but 80 by the head') as caught:
        check_thresholds(model, DepthMetric())
    assert '\n' not in str(caught.value)
    check_thresholds(model, DepthMetric(max_depth=80))
    metric = METRICS.build(dict(type='mmseg.IoUMetric'))
    metric.dataset_meta = dict(ignore_index=0)
    with pytest.raises(UserError, match='ignore_index'):
        check_thresholds(ignoring(255), metric)


def test_a_head_without_a_range_takes_the_metric_s():
    model = far_model()
    del model.decode_head.min_depth, model.decode_head.max_depth
    check_thresholds(model, DepthMetric(max_depth=40))
    assert thresholds_of(model)['max_depth'] == 40


def test_losses_count_what_the_head_counts():
    cfg = depth_estimator_cfg()
    losses = [dict(type='mmssl_robust.SigLoss'), dict(type='mmssl_robust.GradientLoss')]
    cfg['decode_head'].update(max_depth=80.0, loss_decode=losses)
    assert [loss.max_depth for loss in build(cfg).decode_head.loss_decode] == [80, 80]
    losses[0]['max_depth'] = 10.0
    with pytest.raises(UserError, match='max_depth'):
        build(cfg)


def test_a_run_that_is_told_once(tmp_path, work_dir):
    cfg = Config(depth_run(tmp_path, work_dir))
    cfg.model.decode_head.max_depth = 80.0
    share_thresholds(cfg)
    assert cfg.test_evaluator.max_depth == 80 and cfg.test_dataloader.dataset.metainfo['max_depth'] == 80
