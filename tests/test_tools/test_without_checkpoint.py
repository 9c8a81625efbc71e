"""tools/test.py on configs that name all weights: heads with a bank."""

import json
from pathlib import Path

import forks
import pytest
from mmengine.config import Config
from toys import CLASSES, classification_run, write_classification

from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.files import sha256

ENCODER = ASSETS / 'mini' / 'encoder.safetensors'


@pytest.fixture
def cfg(tmp_path, config):
    """Config of a retrieval by the mini encoder among images of noise; the current folder is its."""
    for name in ('queries', 'bank'):
        write_classification(tmp_path / name, per_class=2)
    cfg = Config(classification_run(tmp_path / 'queries', tmp_path / 'work'))
    base = Config.fromfile(config('retrieval/mini_cifar10_retrieval.py'))
    cfg.model = base.model
    cfg.model.head.num_classes = CLASSES
    cfg.model_wrapper_cfg, cfg.test_evaluator = base.model_wrapper_cfg, base.test_evaluator
    cfg.bank_dataloader = cfg.test_dataloader.copy()
    cfg.bank_dataloader.dataset.data_root = str(tmp_path / 'bank')
    cfg.bank_dataloader.batch_size = 3
    return cfg


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(run_tool, capsys, *arguments):
    capsys.readouterr()
    with pytest.raises(SystemExit):
        run_tool('test.py', *arguments)
    error = capsys.readouterr().err.strip()
    assert error.startswith('error: ') and '\n' not in error
    return error


def test_retrieval_in_one_process_and_in_two(cfg, run_tool):
    cfg.dump('config.py')
    arguments = ['config.py', '--attack', 'embed', 'pgd', '--steps', '1', '--show-dir', 'pictures']
    run_tool('test.py', *arguments, '--out', 'one.json')
    report = json.loads(Path('one.json').read_text())
    assert report['metrics']['Recall@1'] == 100  # every query is in the gallery
    assert {'mAP', 'embed/mAP', 'pgd/Recall@5', 'worst/Recall@1'} <= report['metrics'].keys()
    assert report['checkpoint'] is None and report['checkpoint_sha256'] is None
    assert report['encoder_sha256'] == sha256(ENCODER) and report['encoder'].endswith('mini/encoder.safetensors')
    assert len(list(Path('pictures').glob('*/*.png'))) == 2 * 8
    assert forks.tool_together('test.py', 'config.py', *arguments[1:6], '--out', 'two.json') == [0, 0]
    two = json.loads(Path('two.json').read_text())
    assert two['processes'] == 2 and two['metrics'] == pytest.approx(report['metrics'])


def test_nearest_neighbours(cfg, run_tool):
    cfg.model.head = dict(type='mmssl_robust.KNNHead', num_classes=CLASSES, k=1)
    cfg.test_evaluator = dict(type='Accuracy')
    cfg.dump('config.py')
    run_tool('test.py', 'config.py', '--out', 'out.json')
    assert json.loads(Path('out.json').read_text())['metrics'] == {'accuracy/top1': 100}


def test_what_is_missing(cfg, run_tool, capsys):
    bank = cfg.pop('bank_dataloader')
    cfg.dump('no_bank.py')
    assert 'the config has no bank_dataloader' in refused(run_tool, capsys, 'no_bank.py')
    cfg.bank_dataloader = bank
    cfg.bank_dataloader.dataset.data_root = 'nowhere'
    cfg.dump('no_data.py')
    assert 'data folder not found: nowhere' in refused(run_tool, capsys, 'no_data.py')
    Config(classification_run('queries', 'work')).dump('trained.py')
    line = refused(run_tool, capsys, 'trained.py')
    assert line == 'error: trained.py names not all weights of its model: give a checkpoint'
    assert 'not found: none.pth' in refused(run_tool, capsys, 'trained.py', '--max-images', 1, 'none.pth')
    cfg.bank_dataloader.dataset.data_root = 'bank'
    cfg.model.backbone.pop('init_cfg')
    cfg.dump('no_encoder.py')
    assert 'give a checkpoint' in refused(run_tool, capsys, 'no_encoder.py')
