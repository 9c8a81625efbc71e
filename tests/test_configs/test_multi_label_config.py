"""The multi-label config: labels from CamVid's maps, a head that trains, and what its metafile says."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from mmengine.runner import Runner

from mmssl_robust.tasks import TASKS, task_of_metric

FOLDER = Path(__file__).resolve().parents[2] / 'configs' / 'multi_label'


@pytest.fixture
def cfg():
    cfg = Config.fromfile(FOLDER / 'mini_camvid_classes.py')
    init_default_scope(cfg.default_scope)
    return cfg


@pytest.mark.parametrize('split', ['train', 'test'])
def test_labels_are_those_of_the_maps(split, cfg, data_root):
    dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
    for index in range(3):
        sample = dataset[index]['data_samples']
        assert dataset[index]['inputs'].shape == (3, 176, 240)
        labels = cv2.imread(str(data_root / f'camvid/annotations/{split}/{Path(sample.img_path).stem}.png'), -1)
        expected = [np.mean(labels == label) >= 0.01 for label in range(len(dataset.metainfo['classes']))]
        assert sample.gt_score.bool().tolist() == expected


def test_head_trains_and_is_tested(cfg, work_dir, monkeypatch):
    monkeypatch.setattr(Config, 'pretty_text', '')
    cfg.work_dir, cfg.log_level = str(work_dir), 'ERROR'
    cfg.train_cfg.update(max_epochs=1, val_interval=9)
    for part in ('train', 'val', 'test'):
        cfg[f'{part}_dataloader'].dataset.indices = 2
        cfg[f'{part}_dataloader'].update(batch_size=2, num_workers=0, persistent_workers=False)
    runner = Runner.from_cfg(cfg)
    assert [name for name, parameter in runner.model.named_parameters() if parameter.requires_grad] == [
        'head.fc.weight',
        'head.fc.bias',
    ]
    runner.train()
    task = TASKS['multi-label']
    assert task_of_metric(runner.test_loop.evaluator.metrics[0]) is task
    assert set(runner.test()) == {metric.stock_name for metric in task.metrics}


def test_metafile_and_readme_say_what_the_config_does(cfg):
    (model,) = yaml.safe_load((FOLDER / 'metafile.yml').read_text())['Models']
    assert Path(model['Config']).stem == model['Name'] == 'mini_camvid_classes'
    assert model['Metadata']['Epochs'] == cfg.train_cfg.max_epochs
    assert model['Metadata']['Batch Size'] == cfg.train_dataloader.batch_size
    assert '`mini_camvid_classes.py`' in (FOLDER / 'README.md').read_text()
