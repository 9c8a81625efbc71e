"""A row whose config says `finetune = True`: the whole model is trained, kept and scored."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toys import small_images

from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.row_records import store_of
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.presets import load_preset
from mmssl_robust.utils.checkpoint import local_path
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256

CONFIGS = dict(
    classification=('classification/mini_cifar10.py', 'pgd', 8, 'accuracy/top1'),
    segmentation=('segmentation/mini_camvid.py', 'segpgd', 3, 'mIoU'),
)
SHORT = """
_base_ = ['{base}']
finetune = {finetune}
model = dict(backbone=dict(frozen=not finetune))
train_cfg = dict(max_epochs=1, val_interval=9)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.05))
train_dataloader = dict(num_workers=0, persistent_workers=False, batch_size=6, dataset=dict(indices=12))
"""


@pytest.fixture
def row(tmp_path, config):
    def make(task, finetune=True):
        base, attack, images, _ = CONFIGS[task]
        own = tmp_path / f'own_{finetune}.py'
        own.write_text(SHORT.format(base=small_images(config(base), tmp_path / 'small'), finetune=finetune))
        attacks = dict(own=load_preset(attack, steps=2))
        fields = dict(task=task, data=task, encoder='mini', name=task, max_images=images, batch_size=2, sanity_images=0)
        return Row(config=str(own), head=None, attacks=attacks, **fields)

    return make


def run_suite(folder, *rows):
    SuiteRun(Suite('own', 'Own', rows), folder, folder / 'heads', Options()).run()


def score(task, table):
    if task == 'classification':
        return 100 * (table.label == table.prediction).mean()
    unions = sum(torch.tensor(union) for union in table.unions)
    intersections = sum(torch.tensor(intersection) for intersection in table.intersections)
    return 100 * (intersections / unions)[unions > 0].mean().item()


@pytest.mark.parametrize('task', CONFIGS)
def test_the_whole_model_is_kept_and_scored_as_test_py_does(task, row, tmp_path, work_dir, run_tool):
    own = row(task)
    _, attack, images, metric = CONFIGS[task]
    run_suite(tmp_path, own)
    (kept,) = (tmp_path / 'heads').glob('own_True-*/model.safetensors')
    quick = ['--cfg-options', 'train_cfg.total_batch_size=6']
    run_tool('train.py', own.config, '--work-dir', work_dir, *quick)
    trained = torch.load(work_dir / 'epoch_1.pth', weights_only=False)['state_dict']
    torch.testing.assert_close(load_file(kept), dict(trained), rtol=0, atol=0)
    encoder = load_file(local_path('mmssl_robust://mini/encoder.safetensors'))
    for key in ('patch_embed.proj.weight', 'blocks.0.attn.qkv.weight', 'blocks.5.mlp.fc2.weight'):
        assert not torch.equal(trained[f'backbone.vit.{key}'], encoder[key].float())
    assert not list(kept.parent.glob('*.pth'))

    out = tmp_path / 'report.json'
    settings = ['--attack', attack, '--steps', 2, '--max-images', images, '--batch-size', 2, '--out', out]
    run_tool('test.py', own.config, work_dir / 'epoch_1.pth', '--work-dir', work_dir, *settings)
    metrics = json.loads(out.read_text())['metrics']
    store = store_of(own, tmp_path)
    assert score(task, store.read('clean')) == pytest.approx(metrics[metric], abs=0.0051)
    assert score(task, store.read('own')) == pytest.approx(metrics[f'{attack}/{metric}'], abs=0.0051)
    loaded = store.info()['weights']
    assert loaded.keys() == {'model'}, 'no encoder from elsewhere'
    assert loaded['model']['sha256'] == sha256(kept) == store.info()['identity']['head_sha256']
    assert loaded['model']['tensors'] == len(trained)


def test_a_probe_and_a_fine_tuned_encoder_do_not_mix(row, tmp_path):
    probe = row('classification', finetune=False)
    run_suite(tmp_path, probe)
    Path(probe.config).write_text(Path(row('classification').config).read_text())
    with pytest.raises(UserError, match='config_hash'):
        run_suite(tmp_path, probe)
    run_suite(tmp_path / 'again', probe)
    (head,) = (tmp_path / 'heads').glob('*/head.safetensors')
    (model,) = (tmp_path / 'again' / 'heads').glob('*/model.safetensors')
    assert head.parent.name != model.parent.name
    assert set(load_file(head)) == {'head.fc.weight', 'head.fc.bias'} < set(load_file(model))
