"""What the folder of a row says of the weights that were loaded, and from what a suite's training starts."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.row_records import store_of
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.suite import Row, Suite
from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.errors import UserError

HEAD = 'mmssl_robust://mini/mini_cifar10.safetensors'
ENCODER = 'mmssl_robust://mini/encoder.safetensors'


def run(folder, **fields):
    fields = dict(config='configs/classification/mini_cifar10.py', head=HEAD) | fields
    row = Row(task='classification', data='x', encoder='x', name='x', attacks={}, max_images=2, batch_size=2, **fields)
    SuiteRun(Suite('own', 'Own', (row,)), folder, folder / 'heads', Options()).run()
    return json.loads((store_of(row, folder).folder / 'row.json').read_text())['weights']


def facts(source, path, **more):
    """What is to be said of a file, by hashing and counting it here."""
    found = dict(source=str(source), sha256=hashlib.sha256(path.read_bytes()).hexdigest(), layout='state dict')
    return found | dict(weights='only', left_out=[]) | more


def test_head_and_encoder_from_files_of_their_own(tmp_path):
    assert run(tmp_path) == dict(
        model=facts(ASSETS / 'mini/mini_cifar10.safetensors', ASSETS / 'mini/mini_cifar10.safetensors', tensors=2),
        encoder=facts(
            ENCODER,
            ASSETS / 'mini/encoder.safetensors',
            tensors=len(load_file(ASSETS / 'mini/encoder.safetensors')),
        ),
    )


def test_the_encoder_of_a_row_is_the_one_that_it_names(tmp_path):
    """Also where its head is what a training on another encoder left, with that encoder beside it."""
    other = {
        f'backbone.vit.{key}': 2 * value.float()
        for key, value in load_file(ASSETS / 'mini/encoder.safetensors').items()
    }
    torch.save(dict(state_dict=other | load_file(ASSETS / 'mini/mini_cifar10.safetensors')), tmp_path / 'epoch_2.pth')
    found = run(tmp_path, head=str(tmp_path / 'epoch_2.pth'))
    assert found['model']['tensors'] == 2
    assert found['encoder'] == run(tmp_path / 'alone')['encoder']


@pytest.mark.parametrize('which', ['ema', 'raw'])
def test_the_average_or_the_raw_weights(which, tmp_path, config):
    raw = {key: value.float() for key, value in load_file(ASSETS / 'mini/encoder.safetensors').items()}
    averaged = {key: 0.5 * value for key, value in raw.items()}
    path = tmp_path / 'training.pth'
    torch.save(dict(state_dict=raw | {'head.weight': torch.ones(2)}, state_dict_ema=averaged, epoch=3), path)
    own = tmp_path / 'own.py'
    own.write_text(
        f"_base_ = ['{config('classification/mini_cifar10.py')}']\n"
        f"model = dict(backbone=dict(init_cfg=dict(weights='{which}')))"
    )
    found = run(tmp_path, config=str(own), checkpoint=str(path))['encoder']
    left_out = ['head'] if which == 'raw' else []
    entry = dict(ema='state_dict_ema', raw='state_dict')[which]
    assert found == facts(path, path, weights=which, layout=entry, tensors=len(raw), left_out=left_out)


@pytest.fixture
def own(tmp_path, config):
    """A config whose training changes nothing and starts from a file."""

    def own(start):
        path = tmp_path / 'own.py'
        path.write_text(
            f"_base_ = ['{config('classification/mini_cifar10.py')}']\nload_from = '{start}'\n"
            'train_cfg = dict(max_epochs=1)\n'
            "optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.0))\n"
            'train_dataloader = dict(num_workers=0, persistent_workers=False, batch_size=6, dataset=dict(indices=6))'
        )
        return dict(config=str(path), head=None)

    return own


def test_a_head_starts_from_what_its_config_says(own, tmp_path):
    start = tmp_path / 'start.safetensors'
    for number in (1, 2):
        torch.manual_seed(number)
        head = {'head.fc.weight': torch.randn(10, 192), 'head.fc.bias': torch.randn(10)}
        save_file(head, start)
        run(tmp_path / str(number), **own(start))
        (kept,) = (tmp_path / str(number) / 'heads').glob('own-*/head.safetensors')
        torch.testing.assert_close(load_file(kept), head, rtol=0, atol=0)
    folders = {kept.parent.name for kept in tmp_path.glob('*/heads/own-*/head.safetensors')}
    assert len(folders) == 2, 'another start is another head'
    save_file({'head.fc.weight': torch.randn(10, 192), 'backbone.vit.cls_token': torch.ones(1, 1, 192)}, start)
    with pytest.raises(UserError, match='start.safetensors does not fit the model; missing: backbone.vit.pos_embed'):
        run(tmp_path / '3', **own(start))
    start.unlink()
    with pytest.raises(UserError, match='start.safetensors'):
        run(tmp_path / '4', **own(start))
