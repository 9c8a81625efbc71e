"""The same sample in the same epoch is augmented alike, whoever reads it and when."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from mmssl_robust.datasets import SeededDataset
from mmssl_robust.datasets.tolerant import Unreadable
from mmssl_robust.utils.errors import UserError


def dataset_cfg(data_root):
    return dict(
        type='mmpretrain.CustomDataset',
        data_root=str(data_root),
        data_prefix='cifar10/test',
        with_label=False,
        pipeline=[
            dict(type='mmpretrain.LoadImageFromFile'),
            dict(type='mmpretrain.RandomResizedCrop', scale=16),
            dict(type='mmpretrain.RandomFlip', prob=0.5),
            dict(type='mmpretrain.PackInputs', meta_keys=('sample_idx',)),
        ],
    )


def read(dataset, workers=0, order=range(8), persistent=False, epochs=(0,)):
    loader = DataLoader(
        dataset,
        batch_size=2,
        sampler=order,
        num_workers=workers,
        collate_fn=pseudo_collate,
        persistent_workers=persistent,
    )
    epoch_images = []
    for epoch in epochs:
        dataset.set_epoch(epoch)
        batches = [(batch['inputs'], batch['data_samples']) for batch in loader]
        pairs = [pair for inputs, samples in batches for pair in zip(inputs, samples)]
        epoch_images.append({sample.sample_idx: image for image, sample in pairs})
    return epoch_images if len(epochs) > 1 else epoch_images[0]


def test_neither_workers_nor_order_matter(data_root):
    dataset = SeededDataset(dataset_cfg(data_root), seed=3)
    alone = read(dataset)
    assert sorted(alone) == list(range(8))
    for images in (read(dataset, workers=2), read(dataset, order=[5, 0, 7, 2])):
        assert all(torch.equal(image, alone[index]) for index, image in images.items())


def test_epochs_differ_also_with_workers_that_persist(data_root):
    dataset = SeededDataset(dataset_cfg(data_root), seed=3)
    first, second = read(dataset, workers=1, persistent=True, epochs=(0, 1))
    assert not all(torch.equal(first[index], second[index]) for index in first)
    dataset.set_epoch(1)
    again = {index: dataset[index]['inputs'] for index in first}
    assert all(torch.equal(again[index], second[index]) for index in first)


def test_seeds_differ_and_the_callers_generators_do_not_notice(data_root):
    images = []
    for seed in (0, 1):
        dataset = SeededDataset(dataset_cfg(data_root), seed=seed)
        torch.manual_seed(7), random.seed(7), np.random.seed(7)
        images.append(dataset[0]['inputs'])
        drawn = torch.rand(()), random.random(), np.random.rand()
        torch.manual_seed(7), random.seed(7), np.random.seed(7)
        assert drawn == (torch.rand(()), random.random(), np.random.rand())
    assert not torch.equal(*images)


def test_shorter_epochs_go_through_the_whole_set(data_root):
    dataset = SeededDataset(dataset_cfg(data_root), images_per_epoch=7)
    total = len(dataset.dataset)
    assert len(dataset) == 7
    seen = []
    for epoch in range(-(-total // 7)):
        dataset.set_epoch(epoch)
        seen += [dataset[index]['data_samples'].sample_idx for index in range(7)]
    assert sorted(seen[:total]) == list(range(total)), 'each image once in a turn'


def test_samples_of_concatenated_sets_have_their_own_index(data_root):
    twice = dict(type='mmengine.ConcatDataset', datasets=[dataset_cfg(data_root)] * 2)
    dataset = SeededDataset(twice)
    half = len(dataset) // 2
    first, second = dataset[0], dataset[half]
    assert (first['data_samples'].sample_idx, second['data_samples'].sample_idx) == (0, half)
    assert not torch.equal(first['inputs'], second['inputs'])


@pytest.mark.parametrize('content', [b'', b'no image'])
def test_damaged_files_are_named(content, tmp_path):
    (tmp_path / 'cifar10' / 'test').mkdir(parents=True)
    Path(tmp_path, 'cifar10', 'test', 'bad.jpg').write_bytes(content)
    sample = SeededDataset(dataset_cfg(tmp_path))[0]
    assert isinstance(sample, Unreadable) and sample.fatal
    assert 'bad.jpg' in sample.message and '\n' not in sample.message


def test_truncated_files_do_not_train_in_silence(data_root, tmp_path):
    folder = tmp_path / 'cifar10' / 'test'
    folder.mkdir(parents=True)
    whole = next(Path(data_root, 'cifar10', 'test').rglob('*.jpg')).read_bytes()
    Path(folder, 'bad.jpg').write_bytes(whole[: len(whole) // 2])
    Path(folder, 'good.jpg').write_bytes(whole + b'what some cameras add')
    dataset = SeededDataset(dataset_cfg(tmp_path))
    assert re.search('cannot read .*bad.jpg.*[Tt]runcated', dataset[0].message)
    assert dataset[1]['data_samples'].sample_idx == 1


def test_the_next_sample_takes_the_place_of_one_that_is_skipped(data_root, tmp_path):
    folder = tmp_path / 'cifar10' / 'test'
    folder.mkdir(parents=True)
    images = sorted(Path(data_root, 'cifar10', 'test').rglob('*.jpg'))
    for index, image in enumerate(images[:4]):
        Path(folder, f'{index}.jpg').write_bytes(b'' if index in (1, 3) else image.read_bytes())
    dataset = SeededDataset(dataset_cfg(tmp_path), on_corrupt='skip')
    items = [dataset[index] for index in range(4)]
    assert [item['data_samples'].sample_idx for item in items] == [0, 2, 2, 0]
    assert torch.equal(items[1]['inputs'], items[2]['inputs'])
    for path in folder.iterdir():
        path.write_bytes(b'')
    assert dataset[2].fatal, 'none is left'
    with pytest.raises(UserError, match="use 'fail' or 'skip'"):
        SeededDataset(dataset_cfg(tmp_path), on_corrupt='ignore')
