"""Images and labels are part of what records depend on: by name, content and what is known of them."""

import json
import shutil

import cv2
import numpy as np
import pytest

from mmssl_robust.benchmark.files_of_data import files_of, listed_files_of
from mmssl_robust.benchmark.records import FILES, RecordStore
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.errors import UserError

NAMES = ('a', 'b', 'c', 'd')


def write(path, value):
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), np.full((4, 4), value, np.uint8))


@pytest.fixture
def dataset(tmp_path):
    """A list of four images with a label map and a class each."""
    for value, name in enumerate(NAMES):
        write(tmp_path / f'images/{name}.png', value)
        write(tmp_path / f'maps/{name}.png', value)
    entries = [dict(img_path=f'{name}.png', seg_map_path=f'{name}.png', gt_label=0) for name in NAMES]
    (tmp_path / 'list.json').write_text(json.dumps(dict(metainfo={}, data_list=entries)))
    return dict(
        type='mmssl_robust.ListedDataset',
        data_root=str(tmp_path),
        ann_file=str(tmp_path / 'list.json'),
        data_prefix=dict(img_path='images', seg_map_path='maps'),
        pipeline=[],
    )


def said(dataset, max_images=None):
    return files_of(dataset, 'mmengine', max_images)


def relist(dataset, change):
    path = dataset['ann_file']
    with open(path) as file:
        content = json.load(file)
    change(content['data_list'])
    with open(path, 'w') as file:
        json.dump(content, file)


@pytest.mark.parametrize(
    'change',
    [
        lambda folder, dataset: write(folder / 'images/b.png', 9),
        lambda folder, dataset: write(folder / 'maps/b.png', 9),
        lambda folder, dataset: (folder / 'images/b.png').unlink(),
        lambda folder, dataset: relist(dataset, lambda entries: entries.pop()),
        lambda folder, dataset: relist(dataset, lambda entries: entries.append(entries[0])),
        lambda folder, dataset: relist(dataset, lambda entries: entries.reverse()),
        lambda folder, dataset: relist(dataset, lambda entries: entries[1].update(gt_label=1)),
    ],
)
def test_what_changes_a_record(dataset, tmp_path, change):
    before = said(dataset)
    assert before == said(dataset) and before.startswith('4 images, digest ')
    change(tmp_path, dataset)
    assert said(dataset) not in (before, None)


def test_what_changes_none(dataset, tmp_path):
    """Where files lie, when they were written, and images that are not attacked."""
    before, few = said(dataset), said(dataset, 2)
    moved = shutil.copytree(tmp_path, tmp_path / 'moved')
    assert files_of(dict(dataset, data_root=str(moved)), 'mmengine') == before
    write(tmp_path / 'images/b.png', 9)  # of four the first and the third are attacked
    assert said(dataset, 2) == few and said(dataset) != before


def test_images_that_are_not_there_or_no_files(dataset, tmp_path):
    own = dict(type='mmssl_robust.RememberingDataset', dataset=dataset)
    assert listed_files_of(own, 'mmengine') == said(dataset)
    assert listed_files_of(dict(dataset, type='BaseDataset'), 'mmengine') is None
    assert files_of(dict(dataset, ann_file=str(tmp_path / 'none.json')), 'mmengine') is None
    relist(dataset, lambda entries: [entry.pop('img_path') for entry in entries])
    assert said(dict(dataset, data_prefix={})) is None
    away = dict(
        type='CIFAR10', data_root=str(tmp_path / 'none'), split='test', download=False, pipeline=[], test_mode=True
    )
    assert files_of(away, 'mmpretrain') is None
    assert files_of(dict(away, data_root=str(tmp_path)), 'mmpretrain') is None  # a folder of other files


def test_older_records_and_records_without_their_images_are_gone_on_with(tmp_path):
    store, known = RecordStore(tmp_path, task_named('embedding')), dict(config='x')
    store.open(known, {})
    whole = known | dict.fromkeys(FILES, 'these')
    store.check(whole, {})
    store.open(whole, {})
    store.check(known, {})
    store.open(known, {})
    assert store.info()['identity'] == whole
    with pytest.raises(UserError, match="with image_files 'these', not 'others': move that folder away, or"):
        store.check(known | dict(image_files='others'), {})
