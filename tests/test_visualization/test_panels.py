import numpy as np
import pytest
import torch
from toys import (
    build,
    classification_batch,
    classifier_cfg,
    depth_batch,
    depth_estimator_cfg,
    segmentation_batch,
    segmentor_cfg,
)

from mmssl_robust.attacks import PGD, CrossEntropy, DepthPGD, SegPGD
from mmssl_robust.tasks import task_named
from mmssl_robust.victims import build_victim
from mmssl_robust.visualization.panels import panel_of

METAINFO = dict(classes=['cat', 'dog', 'car', 'road'], palette=[[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]])


def panel(model_cfg, batch, attack, index=1, metainfo=METAINFO):
    victim = build_victim(build(model_cfg), batch)
    result = victim.attack(attack)
    with torch.no_grad():
        clean, adversarial = victim.predict(victim.pixels), victim.predict(result.adv)
    figure = panel_of(task_named(victim.task), victim, index, result, clean[index], adversarial[index], metainfo)
    figure.canvas.draw()
    return figure, victim, result, clean[index], adversarial[index]


def picture(axis):
    return axis.images[0].get_array()


def test_classification():
    batch = classification_batch((16, 16), (16, 16))
    figure, victim, result, clean, adversarial = panel(
        classifier_cfg(), batch, PGD(CrossEntropy(), steps=1, eps='8/255', random_start=False, step_size='8/255')
    )
    axes = figure.axes
    assert len(axes) == 3
    np.testing.assert_array_equal(picture(axes[0]), victim.pixels[1].permute(1, 2, 0))
    np.testing.assert_array_equal(picture(axes[1]), result.adv[1].permute(1, 2, 0))
    assert axes[2].get_title() == 'perturbation x 15'
    names = METAINFO['classes']
    assert axes[0].get_title() == (
        f'true: dog\nclean: {names[int(clean.pred_label)]} {float(clean.pred_score.max()):.2f}'
    )
    assert axes[1].get_title() == (
        f'adversarial: {names[int(adversarial.pred_label)]} {float(adversarial.pred_score.max()):.2f}'
    )


@pytest.mark.parametrize('metainfo', [METAINFO, {}])
def test_segmentation_without_the_padding(metainfo):
    batch = segmentation_batch((20, 12), (40, 24), (31, 23))
    figure, _, _, clean, _ = panel(segmentor_cfg(), batch, SegPGD(steps=1), metainfo=metainfo)
    axes = figure.axes
    assert [axis.get_title() for axis in axes[3:]] == ['prediction, clean', 'prediction, adversarial', 'ground truth']
    assert picture(axes[0]).shape == picture(axes[2]).shape == (20, 12, 3)
    assert [picture(axis).shape for axis in axes[3:]] == [(31, 23, 3)] * 3
    truth = clean.gt_sem_seg.data[0]
    assert (picture(axes[5])[truth.numpy() == 255] == 255).all()
    if metainfo:
        palette = np.array(METAINFO['palette'])
        np.testing.assert_array_equal(picture(axes[3]), palette[clean.pred_sem_seg.data[0]])
        assert len(figure.legends[0].get_texts()) == 4


def test_depth_on_one_scale():
    batch = depth_batch((20, 12), (40, 24), (31, 23))
    figure, _, _, clean, adversarial = panel(depth_estimator_cfg(), batch, DepthPGD(steps=1))
    axes = figure.axes
    np.testing.assert_array_equal(picture(axes[3]), clean.pred_depth_map.data[0])
    np.testing.assert_array_equal(picture(axes[4]), adversarial.pred_depth_map.data[0])
    truth = picture(axes[5])
    assert np.array_equal(truth.mask, clean.gt_depth_map.data[0].numpy() == 0)
    assert len({axis.images[0].get_clim() for axis in axes[3:6]}) == 1 and len(axes) == 7
