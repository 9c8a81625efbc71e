"""Data sets find what is data in their folders, and nothing else."""

import os
import shutil
from pathlib import Path

import pytest
from mmengine.fileio import get_file_backend, list_dir_or_file
from mmengine.registry import DefaultScope
from toys import classification_run, segmentation_run, write_classification, write_segmentation

from mmssl_robust.datasets import TolerantDataset
from mmssl_robust.utils.errors import UserError


@pytest.fixture
def folder(tmp_path):
    for name in ('a.jpg', 'b.JPG', 'c.png', '.d.jpg', 'x/e.Jpg', '.hidden/f.jpg', 'x/.deep/g.jpg', '__MACOSX/h.jpg'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_suffixes_are_meant_in_upper_and_lower_case(folder):
    listed = sorted(list_dir_or_file(folder, list_dir=False, suffix='.jpg', recursive=True))
    assert listed == ['a.jpg', 'b.JPG', 'x/e.Jpg']
    assert sorted(list_dir_or_file(folder, list_dir=False, suffix=('.PNG', '.gif'))) == ['c.png']


def test_hidden_folders_are_no_data(folder):
    assert sorted(list_dir_or_file(folder)) == ['a.jpg', 'b.JPG', 'c.png', 'x']
    assert list(list_dir_or_file(folder, list_file=False)) == ['x']
    with pytest.raises(TypeError):
        list(get_file_backend(str(folder)).list_dir_or_file(folder, suffix='.jpg'))


def test_the_folder_itself_may_be_hidden(folder):
    assert list(list_dir_or_file(folder / '.hidden')) == ['f.jpg']


@pytest.mark.parametrize('name', ['.ipynb_checkpoints', '__MACOSX', '.git/objects', '__pycache__', '$RECYCLE.BIN'])
def test_hidden_folders_are_no_classes(name, tmp_path):
    DefaultScope.get_instance('hidden', scope_name='mmpretrain')
    write_classification(tmp_path)
    dataset = classification_run(tmp_path, 'work')['test_dataloader']['dataset']
    before = TolerantDataset(dataset)
    for folder in (tmp_path / name, tmp_path / 'class1' / name):
        shutil.copytree(tmp_path / 'class0', folder)
    after = TolerantDataset(dataset)
    assert after.metainfo['classes'] == before.metainfo['classes']
    assert [after.dataset.get_data_info(index) for index in range(len(after))] == [
        before.dataset.get_data_info(index) for index in range(len(before))
    ]


@pytest.mark.parametrize('share', [1, 2])
def test_images_in_upper_case(share, tmp_path):
    DefaultScope.get_instance('upper', scope_name='mmseg')
    write_segmentation(tmp_path, [(16, 16)] * 4)
    for path in sorted((tmp_path / 'images').iterdir())[::share]:
        path.rename(path.with_suffix('.PNG'))
    whole = TolerantDataset(segmentation_run(tmp_path, 'work')['test_dataloader']['dataset'])
    samples = [whole[index]['data_samples'] for index in range(4)]
    assert [Path(sample.img_path).stem for sample in samples] == ['0', '1', '2', '3']
    assert all(Path(sample.seg_map_path).is_file() for sample in samples)


def test_pipes_are_not_read(tmp_path):
    os.mkfifo(tmp_path / 'a.png')
    backend = get_file_backend(str(tmp_path / 'a.png'))
    for read in (backend.get, backend.get_text):
        with pytest.raises(UserError, match='a pipe, socket or device, where there must be a file'):
            read(str(tmp_path / 'a.png'))
