from types import SimpleNamespace

import pytest
from torch import nn

from mmssl_robust.utils.data_check import check_class_count, check_data_folders
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
    with pytest.raises(UserError, match='the data set has 2 classes, the model 3'):
        check_class_count(model, SimpleNamespace(metainfo=dict(classes=('a', 'b'))))


def test_unreadable_folder(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr(type(tmp_path), 'iterdir', refuse)
    with pytest.raises(UserError, match=f'{tmp_path} cannot be read: Permission denied'):
        check_data_folders(dict(data_root=str(tmp_path)))
