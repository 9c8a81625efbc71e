"""No checkpoint runs code, and MMEngine's own checkpoints still load."""

import argparse
import os
import pickle
import struct
from pathlib import Path, PurePosixPath, PureWindowsPath

import addict
import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors.torch import save_file

from mmssl_robust.utils.checkpoint import local_path, read_checkpoint, register_safe_loaders
from mmssl_robust.utils.errors import UserError


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


class HostileGetattr:
    """Reaches for a method through the ``getattr`` that MMEngine's own files need."""

    def __reduce__(self):
        return getattr, (torch.Tensor, 'numpy')


@pytest.mark.parametrize('through_mmengine', [False, True])
def test_hostile_pickle_is_refused(tmp_path, through_mmengine):
    marker = tmp_path / 'marker'
    torch.save(dict(state_dict=dict(a=torch.ones(1)), extra=Hostile(marker)), tmp_path / 'hostile.pth')
    register_safe_loaders()
    load = CheckpointLoader.load_checkpoint if through_mmengine else read_checkpoint
    with pytest.raises(UserError, match='refused to load'):
        load(str(tmp_path / 'hostile.pth'))
    assert not marker.exists()


def test_getattr_reaches_nothing_else(tmp_path):
    torch.save(dict(extra=HostileGetattr()), tmp_path / 'hostile.pth')
    with pytest.raises(UserError, match='refused to load'):
        read_checkpoint(tmp_path / 'hostile.pth')


def test_plain_pickle_is_refused(tmp_path):
    marker = tmp_path / 'marker'
    (tmp_path / 'plain.pth').write_bytes(pickle.dumps(Hostile(marker)))
    with pytest.raises(UserError):
        read_checkpoint(tmp_path / 'plain.pth')
    assert not marker.exists()


def test_mmengine_checkpoint_round_trip(tmp_path):
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    checkpoint = dict(
        state_dict=dict(weight=torch.arange(3.0)),
        message_hub=dict(log_scalars=dict(loss=buffer)),
        meta=dict(seed=np.int64(3), scale=np.float32(0.5)),
        optimizer=dict(state={}, param_groups=[dict(lr=0.1, betas=(0.9, 0.99))]),
    )
    torch.save(checkpoint, tmp_path / 'epoch_1.pth')
    loaded = read_checkpoint(tmp_path / 'epoch_1.pth')
    torch.testing.assert_close(loaded['state_dict']['weight'], torch.arange(3.0))
    assert loaded['message_hub']['log_scalars']['loss'].mean() == 1.5
    assert loaded['meta']['seed'] == 3 and loaded['meta']['scale'] == 0.5


def test_missing_and_damaged_files(tmp_path):
    with pytest.raises(UserError, match='not found'):
        read_checkpoint(tmp_path / 'none.pth')
    torch.save(dict(a=torch.zeros(1000)), tmp_path / 'torn.pth')
    content = (tmp_path / 'torn.pth').read_bytes()
    (tmp_path / 'torn.pth').write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match='torn.pth'):
        read_checkpoint(tmp_path / 'torn.pth')
    (tmp_path / 'torn.safetensors').write_bytes(b'not a safetensors file')
    with pytest.raises(UserError, match='torn.safetensors'):
        read_checkpoint(tmp_path / 'torn.safetensors')


def test_other_schemes_are_refused():
    register_safe_loaders()
    with pytest.raises(UserError, match='download the file'):
        CheckpointLoader.load_checkpoint('torchvision://resnet50')


def test_old_torch_reads_safetensors_only(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, '__version__', '2.5.1+cpu')
    save_file(dict(a=torch.ones(2)), tmp_path / 'encoder.safetensors')
    torch.testing.assert_close(read_checkpoint(tmp_path / 'encoder.safetensors')['a'], torch.ones(2))
    torch.save(dict(a=torch.ones(2)), tmp_path / 'encoder.pth')
    with pytest.raises(UserError, match='torch 2.5.1.* cannot read .*encoder.pth safely: use torch 2.6.0'):
        read_checkpoint(tmp_path / 'encoder.pth')


@pytest.mark.parametrize('name', ['weights.pth', 'weights.bin', 'weights.safetensors', 'weights'])
@pytest.mark.parametrize('format', ['torch', 'torch of old', 'safetensors'])
def test_the_content_tells_the_format_not_the_name(format, name, tmp_path):
    weights = dict(a=torch.arange(3.0))
    if format == 'safetensors':
        save_file(weights, tmp_path / name)
    else:
        torch.save(weights, tmp_path / name, _use_new_zipfile_serialization=format == 'torch')
    torch.testing.assert_close(read_checkpoint(tmp_path / name)['a'], weights['a'])


@pytest.mark.parametrize(
    'content, words',
    [
        (b'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', 'git lfs pull'),
        (b'\n<!DOCTYPE html><html></html>', 'a web page: download the file itself'),
    ],
)
def test_what_is_found_in_the_place_of_a_checkpoint(content, words, tmp_path):
    (tmp_path / 'weights.pth').write_bytes(content)
    with pytest.raises(UserError, match=words):
        read_checkpoint(tmp_path / 'weights.pth')


def test_a_length_that_is_a_letter_of_web_pages(tmp_path):
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(ord('<'))
    (tmp_path / 'a.safetensors').write_bytes(struct.pack('<Q', len(header)) + header + struct.pack('<f', 2.5))
    assert read_checkpoint(tmp_path / 'a.safetensors')['a'].tolist() == [2.5]


def test_paths_among_the_arguments_become_text(tmp_path):
    args = argparse.Namespace(data=Path('/data/imagenet'), out=PurePosixPath('runs/1'), cache=PureWindowsPath('C:/x'))
    torch.save(dict(model=dict(a=torch.ones(1)), args=args), tmp_path / 'weights.pth')
    read = read_checkpoint(tmp_path / 'weights.pth')['args']
    assert read == dict(data='/data/imagenet', out='runs/1', cache='C:\\x')


def test_settings_in_a_dictionary_of_another_library(tmp_path):
    cfg = addict.Dict(model=dict(arch='vit_small', size=224))
    torch.save(dict(model=dict(a=torch.ones(1)), config=cfg), tmp_path / 'weights.pth')
    assert read_checkpoint(tmp_path / 'weights.pth')['config']['model']['size'] == 224


def test_a_text_is_no_checkpoint(tmp_path):
    """Whose letters are orders to a reader of pickles, and fail in it one way or another."""
    (tmp_path / 'a.pth').write_text('root:x:0:0:root:/root:/bin/bash\n')
    with pytest.raises(UserError, match='could not read the checkpoint|refused to load'):
        read_checkpoint(tmp_path / 'a.pth')


@pytest.mark.parametrize('name', ['../../../setup.py', '/etc/passwd', 'mini/../../x', ''])
def test_what_ships_lies_in_its_folder(name):
    with pytest.raises(UserError, match='outside of'):
        local_path(f'mmssl_robust://{name}')
