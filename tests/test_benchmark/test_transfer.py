"""Examples made against one model, shown to others."""

import pandas as pd
import pytest
import torch
from toys import small_images

from mmssl_robust.attacks import PGD
from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.resolved_row import ResolvedRow
from mmssl_robust.benchmark.row_evaluation import RowEvaluation
from mmssl_robust.benchmark.row_records import store_of
from mmssl_robust.benchmark.suite import Row
from mmssl_robust.benchmark.transfer import _answer, _attacked, agreement, prediction, transfer
from mmssl_robust.presets import load_preset
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.errors import UserError


def evaluation(folder, task, config, preset):
    fewer = dict(queries=20, targets=2) if preset == 'autoattack' else {}
    row = Row(
        config=small_images(f'configs/{config}.py', folder / 'configs'),
        task=task,
        data=task,
        encoder='mini',
        name=task,
        head=f'mmssl_robust://mini/{config.split("/")[1]}.safetensors',
        max_images=2,
        attacks={
            preset: load_preset(preset, steps=3, **fewer),
            'nothing': load_preset(preset, steps=1, eps=0, **fewer),
        },
    )
    resolved = ResolvedRow(row, folder, Options())
    return RowEvaluation(resolved, resolved.head(), store_of(row, folder))


def test_every_task_is_shown_the_images_of_every_other(tmp_path):
    rows = [
        evaluation(tmp_path, 'classification', 'classification/mini_cifar10', 'pgd'),
        evaluation(tmp_path, 'depth', 'depth/mini_hololens', 'depthpgd'),
        evaluation(tmp_path, 'segmentation', 'segmentation/mini_camvid', 'segpgd'),
    ]
    table = transfer(rows)
    assert len(table) == 3 * 2 * 3 and table['images'].eq(2).all()
    assert table['agreement'].between(0, 1).all()
    assert table[table['attack'] == 'nothing']['agreement'].eq(1).all()
    own = table[(table['source'] == table['target']) & (table['attack'] == 'segpgd')]
    assert own['agreement'].item() < 0.9


def test_images_that_a_target_cannot_take_are_said_in_one_line(tmp_path, monkeypatch):
    rows = [
        evaluation(tmp_path, 'segmentation', 'segmentation/mini_camvid', 'segpgd'),
        evaluation(tmp_path, 'classification', 'classification/mini_cifar10', 'pgd'),
    ]
    rows[1].model.backbone.vit.patch_embed.patch_size = (7, 7)
    monkeypatch.setattr(PGD, '__call__', lambda *_: pytest.fail('an attack is made first'))
    with pytest.raises(UserError, match='classification cannot be shown the images of segmentation: .*patch') as caught:
        transfer(rows)
    assert '\n' not in str(caught.value)


def test_agreement_by_hand():
    assert agreement(torch.tensor([1, 2]), torch.tensor([1, 3])).tolist() == [1, 0]
    maps = torch.tensor([[[0, 1], [2, 3]]])
    assert agreement(maps, maps.clamp(max=1)).tolist() == [0.5]
    depth = torch.tensor([1.0, 2.0, 4.0, 4.0]).view(1, 1, 2, 2)
    assert agreement(depth, depth * torch.tensor([1.2, 1.3, 1.0, 0.7]).view(1, 1, 2, 2)).tolist() == [0.5]


def test_a_prediction_is_followed_by_what_its_task_says(tmp_path, monkeypatch):
    row = evaluation(tmp_path, 'classification', 'classification/mini_cifar10', 'pgd')
    assert row.space.image_white == 255
    logits = torch.tensor([[2.0, 1.0, -1.0], [2.0, -1.0, 1.0]])
    monkeypatch.setattr(row.model, 'forward', lambda *_, **__: logits)
    pixels = torch.zeros(2, 3, 32, 32)
    assert prediction(row.model, pixels, 'classification', row.space).tolist() == [0, 0]
    labels = prediction(row.model, pixels, 'multi-label', row.space)
    assert labels.tolist() == [[True, True, False], [True, False, True]]
    assert agreement(labels[:1], labels[1:]).item() == pytest.approx(1 / 3)
    monkeypatch.setattr(type(task_named('classification')), 'outputs', None)
    with pytest.raises(UserError, match='transfer cannot compare predictions of classification'):
        transfer([row])


def moved_by_one(row):
    """Make a model say another class than the right one, of each image and pixel."""
    layer = row.model.head.fc if row.row.task == 'classification' else row.model.decode_head.conv_seg
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(parameter.roll(1, dims=0))


@pytest.mark.parametrize(
    ('task', 'config', 'preset'),
    [
        ('classification', 'classification/mini_cifar10', 'pgd'),
        ('classification', 'classification/mini_cifar10', 'autoattack'),
        ('segmentation', 'segmentation/mini_camvid', 'segpgd'),
    ],
)
def test_what_is_wrong_from_the_start_is_attacked_all_the_same(tmp_path, task, config, preset):
    """Names of classes do not matter to agreement with the model's own prediction."""
    row = evaluation(tmp_path, task, config, preset)
    as_it_is = transfer([row]).set_index('attack')['agreement']
    moved_by_one(row)
    moved = transfer([row]).set_index('attack')['agreement']
    assert moved[preset] == pytest.approx(as_it_is[preset], abs=0.02) and moved[preset] < 0.9
    assert moved['nothing'] == 1


@pytest.mark.parametrize('far', [1.0, 4.0])
def test_a_depth_that_is_wrong_from_the_start_is_attacked_from_where_it_is(tmp_path, far, monkeypatch):
    row = evaluation(tmp_path, 'depth', 'depth/mini_hololens', 'depthpgd')
    seen = []
    whole = PGD.__call__
    monkeypatch.setattr(PGD, '__call__', lambda self, *data: seen.append(data) or whole(self, *data))
    with row.in_scope():
        for sample in row.load([[0]]):
            sample['data_samples'][0].gt_depth_map.data *= far
            list(_attacked(row, sample, row.attacks, [row]))
    for forward, pixels, targets, *_ in seen:
        torch.testing.assert_close(targets, forward(pixels))


@pytest.mark.parametrize(
    ('task', 'config', 'preset', 'thresholds'),
    [
        ('segmentation', 'segmentation/mini_camvid', 'segpgd', dict(ignore_index=0)),
        ('segmentation', 'segmentation/mini_camvid', 'cospgd', dict(ignore_index=1)),
        ('depth', 'depth/mini_hololens', 'depthpgd', dict(max_depth=1.0)),
        ('depth', 'depth/mini_hololens', 'depthpgd', dict(min_depth=1.5, max_depth=1.6)),
    ],
)
@pytest.mark.parametrize('said', ['data', 'attack'])
def test_predictions_count_that_no_truth_would(tmp_path, task, config, preset, thresholds, said):
    """What is measured is attacked: of one's own predictions none is unlabelled, too near or too far."""
    row = evaluation(tmp_path, task, config, preset)
    usual = transfer([row])
    head = row.model.decode_head
    for name, value in thresholds.items():
        setattr(head, name, value)
        if said == 'attack':
            row.attacks[preset].objective.untold = frozenset()
            setattr(row.attacks[preset].objective, name, value)
    pd.testing.assert_frame_equal(transfer([row]), usual)


def test_labels_are_attacked_from_those_that_are_given():
    assert _answer(torch.tensor([[2.0, -1.0]]), 'multi-label').tolist() == [[True, False]]
