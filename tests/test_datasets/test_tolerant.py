import re

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset
from toys import (
    classification_run,
    depth_run,
    segmentation_run,
    write_classification,
    write_depth,
    write_segmentation,
)

from mmssl_robust.datasets import TolerantDataset, tolerant, tolerant_collate
from mmssl_robust.registry import DATASETS
from mmssl_robust.utils.errors import UserError


@pytest.fixture
def folder(tmp_path):
    write_segmentation(tmp_path / 'data', [(16, 16)] * 5)
    return tmp_path / 'data'


@pytest.fixture
def dataset(folder):
    DefaultScope.get_instance('tolerant', scope_name='mmseg')
    return segmentation_run(folder, 'work')['test_dataloader']['dataset']


def read(dataset, num_workers=0, **kwargs):
    dataset = TolerantDataset(dataset, **kwargs)
    loader = DataLoader(dataset, batch_size=2, collate_fn=tolerant_collate, num_workers=num_workers)
    return list(loader)


def keys(batches):
    return [[sample.sample_idx for sample in batch['data_samples']] for batch in batches]


def test_whole_files(dataset):
    batches = read(dataset, num_workers=1)
    assert keys(batches) == [[0, 1], [2, 3], [4]]
    assert [len(batch['inputs']) for batch in batches] == [2, 2, 1]
    assert not any(batch['unreadable'] for batch in batches)


@pytest.mark.parametrize('count, expected', [(1, [0]), (2, [0, 2]), (3, [0, 1, 3]), (9, [0, 1, 2, 3, 4])])
def test_subset_is_evenly_spread_and_keeps_its_indices(dataset, count, expected):
    assert sum(keys(read(dataset, max_images=count)), []) == expected


@pytest.mark.parametrize('processes', [2, 3, 4])
def test_no_sample_is_repeated_to_fill_up_processes(dataset, monkeypatch, processes):
    monkeypatch.setattr(tolerant, 'get_world_size', lambda: processes)
    whole = TolerantDataset(dataset)
    assert len(whole) % processes == 0 and len(whole) - 5 < processes
    batch = tolerant_collate([whole[index] for index in range(len(whole))])
    assert keys([batch]) == [[0, 1, 2, 3, 4]] and batch['unreadable'] == []
    assert tolerant_collate([whole[5]]) == dict(inputs=[], data_samples=[], unreadable=[])


def truncate(path):
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize('name', ['images/2.png', 'labels/2.png'])
@pytest.mark.parametrize('on_corrupt', ['skip', 'fail'])
@pytest.mark.parametrize('damage', [truncate, lambda path: path.write_bytes(b''), lambda path: path.unlink()])
def test_damaged_files_are_reported_not_raised(dataset, folder, name, on_corrupt, damage):
    whole = TolerantDataset(dataset, on_corrupt)
    damage(folder / name)
    batch = tolerant_collate([whole[1], whole[2], whole[3]])
    assert keys([batch]) == [[1, 3]]
    (problem,) = batch['unreadable']
    assert name in problem.message and '\n' not in problem.message and problem.fatal == (on_corrupt == 'fail')


def write_another_size(path):
    cv2.imwrite(str(path), np.zeros((15, 16), np.uint8))


def write_colours(path):
    cv2.imwrite(str(path), np.zeros((16, 16, 3), np.uint8))


def write_label_77(path):
    cv2.imwrite(str(path), np.full((16, 16), 77, np.uint8))


@pytest.mark.parametrize('on_corrupt', ['skip', 'fail'])
@pytest.mark.parametrize(
    'write, reason',
    [
        (write_another_size, 'labels/2.png is 16x15, its image .*images/2.png 16x16'),
        (write_colours, 'labels/2.png holds colours'),
        (write_label_77, 'labels/2.png holds label 77, but the data set has 4 classes'),
        (lambda path: path.rename(path.with_suffix('.PNG')), r'labels/2.png \(no such file, but there is 2.PNG\)'),
    ],
)
def test_whatever_is_wrong_with_a_label_names_the_label(dataset, folder, write, reason, on_corrupt):
    whole = TolerantDataset(dataset, on_corrupt)
    write(folder / 'labels/2.png')
    batch = tolerant_collate([whole[1], whole[2], whole[3]])
    assert keys([batch]) == [[1, 3]]
    (problem,) = batch['unreadable']
    assert re.search(reason, problem.message) and '\n' not in problem.message
    assert problem.fatal == (on_corrupt == 'fail')


@pytest.mark.parametrize('label, classes', [(3, 4), (5, 6)])
def test_labels_of_joined_data_sets_are_held_to_their_own_classes(dataset, folder, label, classes):
    """Whichever comes first, as where the images of several tasks are learnt from at once."""
    for number, value in enumerate((0, 1, label, 2, 3)):
        cv2.imwrite(str(folder / f'labels/{number}.png'), np.full((16, 16), value, np.uint8))
    of_classes = [dict(metainfo=dict(classes=[f'class{i}' for i in range(count)])) for count in (2, classes)]
    fewer, enough = (dataset | more for more in of_classes)
    joined = dict(
        type='ConcatDataset',
        ignore_keys=['classes', 'label_map', 'palette'],
        datasets=[fewer | dict(indices=1), enough],
    )
    whole = TolerantDataset(dict(type='RepeatDataset', times=2, dataset=joined), 'skip')
    batch = tolerant_collate([whole[index] for index in range(2 * (1 + 5))])
    assert not batch['unreadable']


def test_a_depth_map_of_three_channels(tmp_path):
    DefaultScope.get_instance('depth', scope_name='mmseg')
    write_depth(tmp_path / 'data', [(16, 16)] * 2)
    cv2.imwrite(str(tmp_path / 'data/depths/1.png'), np.ones((16, 16, 3), np.uint16))
    whole = TolerantDataset(depth_run(tmp_path / 'data', 'work')['test_dataloader']['dataset'], 'skip')
    batch = tolerant_collate([whole[0], whole[1]])
    assert keys([batch]) == [[0]]
    assert 'depths/1.png holds 3 channels' in batch['unreadable'][0].message


@pytest.mark.parametrize('on_corrupt', ['skip', 'fail'])
@pytest.mark.parametrize('error', [KeyError('shape'), AssertionError(), ValueError('first\nsecond'), MemoryError()])
def test_exceptions_of_any_transform_name_the_image(dataset, monkeypatch, on_corrupt, error):
    whole = TolerantDataset(dataset, on_corrupt)

    def fail(results):
        raise error

    monkeypatch.setattr(whole.dataset, 'pipeline', fail)
    assert re.fullmatch(r'cannot read .*images/0.png \(.+\): replace it, or skip .*', whole[0].message)
    assert whole[0].fatal == (on_corrupt == 'fail')
    monkeypatch.setenv('MMSSL_TRACEBACK', '1')
    with pytest.raises(type(error)):
        whole[0]


def test_missing_and_empty_folders(dataset, folder):
    for path in (folder / 'images').iterdir():
        path.unlink()
    with pytest.raises(UserError, match=f'the data set is empty: {folder}'):
        TolerantDataset(dataset)
    (folder / 'images').rmdir()
    with pytest.raises(UserError, match='data not found: .*images'):
        TolerantDataset(dataset)
    dataset['type'] = 'NoSuchDataset'
    with pytest.raises(KeyError):
        TolerantDataset(dataset)


def test_classification(tmp_path):
    DefaultScope.get_instance('classification', scope_name='mmpretrain')
    images = classification_run(tmp_path / 'data', 'work')['test_dataloader']['dataset']
    with pytest.raises(UserError, match='data'):
        TolerantDataset(images)
    write_classification(tmp_path / 'data')
    assert len(TolerantDataset(images)) == 12


def test_bad_settings(dataset):
    with pytest.raises(UserError, match="use 'fail' or 'skip'"):
        TolerantDataset(dataset, 'ignore')
    with pytest.raises(UserError, match='at least 1'):
        TolerantDataset(dataset, max_images=0)


def test_the_parts_of_a_joined_set_share_no_index(dataset):
    joined = dict(type='ConcatDataset', datasets=[dataset, dataset])
    assert keys(read(joined)) == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]


def test_files_behind_wrappers_of_pytorch_are_looked_at(folder, dataset):
    """OpenCV reads a truncated JPEG with a grey rest, so that files are decoded before; of parts and unions too."""
    built = DATASETS.build(dataset)
    file = built.get_data_info(3)['img_path']
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    content = cv2.imencode('.jpg', noise)[1].tobytes()
    with open(file, 'wb') as broken:
        broken.write(content[: len(content) // 2])
    for wrapped in (Subset(built, [0, 3]), ConcatDataset([Subset(built, [0]), Subset(built, [3, 1])])):
        batches = read(wrapped, on_corrupt='skip')
        assert 1 not in keys(batches)[0]
        (unreadable,) = sum((batch['unreadable'] for batch in batches), [])
        assert unreadable.message.startswith(f'cannot read {file} (')


class Strange(Dataset):
    """A data set of one's own, of which one sample is not there and nothing is known of another."""

    def __init__(self, inner):
        self.inner = inner

    def __len__(self):
        return len(self.inner)

    def get_data_info(self, index):
        return dict()[index] if index == 2 else None

    def __getitem__(self, index):
        return None if index == 1 else self.inner[index]


def test_a_sample_that_is_none_is_not_left_out_in_silence(dataset):
    batches = read(Strange(DATASETS.build(dataset)), on_corrupt='skip')
    assert sum(keys(batches), []) == [0, 3, 4]
    messages = [unreadable.message for batch in batches for unreadable in batch['unreadable']]
    assert [message[: len('cannot read image 1')] for message in messages] == [f'cannot read image {n}' for n in (1, 2)]
    assert 'gives None' in messages[0] and 'KeyError' in messages[1]
