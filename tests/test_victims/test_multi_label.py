"""A classifier with several labels for each image: attacked inside a loop, recorded, and reported."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from mmengine.config import Config
from mmpretrain.structures import DataSample
from safetensors.torch import save_file
from toys import build, cheapen_checks, classification_batch, classifier_cfg, images, loader_cfg, runner_of, runtime_cfg

from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.benchmark.row_records import store_of
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.presets import load_preset
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.errors import UserError
from mmssl_robust.victims import ClassifierVictim, MultiLabelVictim, build_victim

TASK = task_named('multi-label')
CLASSES = 5
HEAD = dict(type='mmpretrain.MultiLabelLinearClsHead', num_classes=CLASSES, in_channels=16)
ATTACKS = {
    'own': load_preset('multilabel-pgd', steps=3, eps='32/255', step_size='8/255'),
    'embed': load_preset('embed', steps=3, eps='32/255', step_size='8/255'),
}


def model_cfg():
    return classifier_cfg() | dict(head=HEAD)


def batch_of(*samples):
    for index, sample in enumerate(samples):
        sample.set_metainfo(dict(sample_idx=index))
    return dict(inputs=images(*[(16, 16)] * len(samples)), data_samples=list(samples))


def test_targets_are_multi_hot():
    difficult = DataSample(metainfo=dict(gt_label_difficult=[3])).set_gt_label([0, 2])
    model = build(model_cfg())
    victim = build_victim(model, batch_of(difficult, DataSample().set_gt_label([])))
    assert type(victim) is MultiLabelVictim
    assert victim.targets().tolist() == [[1, 0, 1, -1, 0], [0, 0, 0, 0, 0]]
    assert victim.prediction(victim.pixels).shape == (2, CLASSES)
    assert build_victim(model, batch_of(DataSample().set_gt_score([0, 1, -1, 0, 1]))).targets().tolist() == [
        [0, 1, -1, 0, 1]
    ]
    assert type(build_victim(build(classifier_cfg()), classification_batch((16, 16)))) is ClassifierVictim


def test_labels_that_do_not_fit_the_head():
    several = batch_of(DataSample().set_gt_label([0, 2]))
    with pytest.raises(UserError, match='no label or more than one: that needs a head for it'):
        build_victim(build(classifier_cfg()), several).targets()
    headless = build(classifier_cfg() | dict(head=dict(type='mmpretrain.MultiLabelClsHead')))
    with pytest.raises(UserError, match='MultiLabelClsHead does not say how many classes .* give its samples gt_score'):
        build_victim(headless, several).targets()


def test_a_prediction_that_is_not_finite_is_named():
    model = build(model_cfg())
    torch.nn.init.constant_(model.head.fc.bias, float('nan'))
    victim = build_victim(model, batch_of(DataSample().set_gt_label([0])))
    with pytest.raises(UserError, match='prediction for image 0 holds NaN'):
        victim.predict(victim.pixels)


@pytest.fixture
def run_cfg(tmp_path):
    """Config of a Runner on noise with random labels, one image without any."""
    rng = np.random.default_rng(0)
    items = []
    for index in range(9):
        cv2.imwrite(str(tmp_path / f'{index}.png'), rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        labels = [] if index == 0 else rng.choice(CLASSES, 2, replace=False).tolist()
        items.append(dict(img_path=f'{index}.png', gt_label=labels))
    metainfo = dict(classes=[f'class{label}' for label in range(CLASSES)])
    (tmp_path / 'labels.json').write_text(json.dumps(dict(metainfo=metainfo, data_list=items)))
    dataset = dict(
        type='MultiLabelDataset',
        data_root=str(tmp_path),
        ann_file='labels.json',
        pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
    )
    return dict(
        model=model_cfg(),
        test_dataloader=loader_cfg(dataset, 4),
        test_evaluator=[dict(type='AveragePrecision'), dict(type='MultiLabelMetric', thr=0.5)],
        **runtime_cfg(tmp_path / 'work', 'mmpretrain'),
    )


def loop_cfg():
    return dict(type='mmssl_robust.AttackTestLoop', attacks=ATTACKS)


def test_metrics_of_one_pass(run_cfg):
    stock = runner_of(run_cfg).test()
    runner = runner_of(run_cfg, test_cfg=loop_cfg())
    metrics = runner.test()
    assert {key: metrics[key] for key in stock} == stock == dict.fromkeys(stock, pytest.approx(50, abs=50))
    key, summary = 'multi-label/mAP', runner.test_loop.summary
    assert metrics[f'own/{key}'] < stock[key] - 10
    assert metrics[f'worst/{key}_bound'] <= metrics[f'worst/{key}'] <= metrics[f'own/{key}'] + 1e-4
    assert summary['attacks']['own']['fell'] > 5 and summary['images'] == 9
    hooked = runner_of(run_cfg, custom_hooks=[dict(type='mmssl_robust.AttackHook', attack=ATTACKS['own'])]).test()
    assert hooked == {name: metrics[f'own/{name}'] for name in stock}


def test_metrics_do_not_depend_on_the_batch_size(run_cfg):
    reference = runner_of(run_cfg, test_cfg=loop_cfg()).test()
    run_cfg['test_dataloader']['batch_size'] = 1
    assert runner_of(run_cfg, test_cfg=loop_cfg()).test() == pytest.approx(reference, abs=0.01)


def test_benchmark_and_report(run_cfg, tmp_path, monkeypatch):
    """Its records give what the test loop says, and its report shows them."""
    cheapen_checks(monkeypatch)
    expected = runner_of(run_cfg, test_cfg=loop_cfg()).test()
    cfg, model = Config(run_cfg), build(run_cfg['model'])
    save_file(model.backbone.vit.state_dict(), tmp_path / 'encoder.safetensors')
    save_file(model.head.state_dict(prefix='head.'), tmp_path / 'head.safetensors')
    cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'encoder.safetensors'))
    cfg.dump(tmp_path / 'several.py')
    row = Row(
        config=str(tmp_path / 'several.py'),
        task='multi-label',
        data='noise',
        encoder='tiny',
        name='several',
        head=str(tmp_path / 'head.safetensors'),
        attacks=ATTACKS,
        sanity_images=2,
    )
    folder = tmp_path / 'benchmark'
    SuiteRun(Suite('own', 'Own', (row,)), folder, folder / 'heads', Options()).run()
    store = store_of(row, folder)
    for name, prefix in (('clean', ''), ('own', 'own/'), ('embed', 'embed/')):
        found = TASK.contributions(store.read(name)).values()
        for metric in TASK.metrics:
            assert found[metric.name] == pytest.approx(expected[prefix + metric.stock_name], rel=1e-4), name
    page = write_report(folder, tmp_path / 'report', resamples=50).read_text()
    table = pd.read_csv(tmp_path / 'report' / 'results.csv')
    value = table[(table.kind == 'result') & (table.attack == 'own') & (table.metric == 'mAP')].value.item()
    assert value == pytest.approx(expected['own/multi-label/mAP'], rel=1e-4)
    assert 'mAP, %' in page and f'{value:.1f}' in page and 'no choice of attacks goes below' in page
