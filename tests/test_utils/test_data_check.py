import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS, DefaultScope
from mmpretrain.structures import DataSample
from torch import nn
from toys import build, classification_run, classifier_cfg, segmentor_cfg, write_classification

from mmssl_robust.utils.data_check import check_class_count, check_data_folders, check_labels, named_data_errors
from mmssl_robust.utils.errors import UserError


@pytest.fixture
def root(tmp_path):
    for name in ('images', 'labels'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'a.png').touch()
    (tmp_path / 'empty').mkdir()
    return tmp_path


def dense(root, images='images', labels='labels'):
    return dict(type='X', data_root=str(root), data_prefix=dict(img_path=images, seg_map_path=labels))


def test_what_is_there_passes(root):
    check_data_folders(dense(root))
    check_data_folders(dict(type='X', data_root=str(root), data_prefix='images'))
    check_data_folders(dict(type='X', data_root=str(root)))
    check_data_folders(dict(type='InMemory'))


@pytest.mark.parametrize('wrap', [lambda d: d, lambda d: dict(dataset=d), lambda d: dict(datasets=[d, d])])
def test_missing_and_empty_folders_are_named(root, wrap):
    with pytest.raises(UserError, match=f'not found: {root}/none: set the variable DATA_ROOT'):
        check_data_folders(wrap(dense(root, labels='none')))
    with pytest.raises(UserError, match=f'{root}/empty is empty'):
        check_data_folders(wrap(dense(root, images='empty')))


@pytest.mark.parametrize('head', ['head', 'decode_head'])
def test_class_counts(head):
    model = nn.Module()
    setattr(model, head, SimpleNamespace(num_classes=3))
    check_class_count(model, SimpleNamespace(metainfo=dict(classes=('a', 'b', 'c'))))
    check_class_count(model, SimpleNamespace(metainfo={}))
    check_class_count(nn.Module(), SimpleNamespace(metainfo=dict(classes=('a',))))
    with pytest.raises(UserError, match='the data set has 2 classes, the model 3: .* those of the data are a, b'):
        check_class_count(model, SimpleNamespace(metainfo=dict(classes=('a', 'b'))))


def test_unreadable_folder(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr(type(tmp_path), 'iterdir', refuse)
    with pytest.raises(UserError, match=f'{tmp_path} cannot be read: Permission denied'):
        check_data_folders(dict(data_root=str(tmp_path)))


def test_an_empty_data_set_says_what_is_there(tmp_path):
    for name in ('x/a.webp', 'y/b.webp', 'y/notes'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    dataset = dict(type='mmpretrain.CustomDataset', data_root=str(tmp_path))
    message = 'is empty: .*; of the files there 2 end in .webp, 1 end in no suffix: set img'
    with pytest.raises(UserError, match=message), named_data_errors(str(tmp_path)):
        DATASETS.build(dataset)


def test_folders_beside_those_of_the_classes(tmp_path):
    write_classification(tmp_path)
    (tmp_path / 'notes').mkdir()
    DefaultScope.get_instance('folders', scope_name='mmpretrain')
    dataset = classification_run(tmp_path, 'work')['test_dataloader']['dataset']
    dataset['metainfo'] = dict(classes=['a', 'b', 'c', 'd'])
    message = r'The number of subfolders \(5\).*\(4\).* remove those that are none'
    with pytest.raises(UserError, match=message), named_data_errors(str(tmp_path)):
        DATASETS.build(dataset)


def test_a_classifier_needs_labels():
    unlabelled = [dict(data_samples=DataSample(metainfo=dict(img_path='a.png')))]
    classifier = build(classifier_cfg())
    with pytest.raises(UserError, match='a.png has no label: sort the images into a folder for each class'):
        check_labels(classifier, unlabelled)
    check_labels(classifier, [dict(data_samples=DataSample().set_gt_label(0))])
    check_labels(build(segmentor_cfg()), unlabelled)


class Augmented:
    """Draws from every generator, as transforms of mmcv, torchvision and mmpretrain do."""

    def __init__(self, labelled):
        self.labelled = labelled

    def draws(self):
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    def __getitem__(self, index):
        self.draws()
        sample = DataSample(metainfo=dict(img_path='a.png'))
        return dict(data_samples=sample.set_gt_label(0) if self.labelled else sample)


@pytest.mark.parametrize('labelled', [True, False])
def test_a_look_at_the_labels_changes_no_random_number(labelled):
    dataset, classifier = Augmented(labelled), build(classifier_cfg())

    def seeded():
        random.seed(0), np.random.seed(0), torch.manual_seed(0)

    seeded()
    expected = dataset.draws()
    seeded()
    if labelled:
        check_labels(classifier, dataset)
    else:
        with pytest.raises(UserError, match='a.png has no label'):
            check_labels(classifier, dataset)
    assert dataset.draws() == expected


def test_a_folder_without_the_files_of_cifar(tmp_path):
    (tmp_path / 'notes.txt').touch()
    dataset = dict(type='mmpretrain.CIFAR10', data_root=str(tmp_path), download=False, test_mode=True)
    message = f'data not found: CIFAR10 is not in {tmp_path}/?: put its files there'
    with pytest.raises(UserError, match=message), named_data_errors(str(tmp_path)):
        DATASETS.build(dataset)
