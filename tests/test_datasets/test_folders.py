"""Anyone's folders as data sets."""

import os

import numpy as np
import pytest
from PIL import Image

from mmssl_robust.datasets.folders import class_folders, files_in, pairs, photographs
from mmssl_robust.datasets.label_maps import with_classes, with_depth_range
from mmssl_robust.utils.errors import UserError


def write(path, array=None, palette=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.zeros((4, 6, 3), np.uint8) if array is None else array)
    if palette:
        image = image.convert('P')
        image.putpalette(palette + [0] * (768 - len(palette)))
    image.save(path)


def paths(entries):
    return [entry['img_path'] for entry in entries]


def test_photographs_are_found_at_any_depth(tmp_path):
    for name in ('b.JPG', 'sub/a.png', '.hidden/c.png', 'sub/._a.png', '__MACOSX/d.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / 'notes.txt').touch()
    found = photographs(tmp_path)
    assert paths(found.test) == ['b.JPG', 'sub/a.png'] and found.train == [] and found.notes == ()


def test_images_of_a_kind_that_nothing_reads_are_said_to_be_left_out(tmp_path):
    write(tmp_path / 'a.png')
    (tmp_path / 'b.HEIC').touch()
    (note,) = photographs(tmp_path).notes
    assert '1 file' in note and 'b.HEIC' in note


@pytest.mark.parametrize('name, words', [('no', 'is not there'), ('notes.txt', 'is a file'), ('', 'no file in')])
def test_folders_without_images(tmp_path, name, words):
    (tmp_path / 'notes.txt').touch()
    with pytest.raises(UserError, match=words):
        photographs(tmp_path / name)


def test_classes_are_split_one_by_one(tmp_path):
    for kind, count in dict(cat=10, dog=3).items():
        for place in range(count):
            write(tmp_path / kind / f'{place}.png')
    found = class_folders(tmp_path)
    assert found.metainfo == dict(classes=['cat', 'dog'])
    assert sorted(paths([*found.train, *found.test])) == files_in(tmp_path, ('.png',))
    assert [sum(entry['gt_label'] == label for entry in found.test) for label in (0, 1)] == [3, 1]
    assert all(entry['gt_label'] == ['cat', 'dog'].index(entry['img_path'][:3]) for entry in found.test)
    assert class_folders(tmp_path) == found != class_folders(tmp_path, seed=1)
    assert '9 images train the head, 4 others are evaluated' in found.notes[0]
    assert class_folders(tmp_path, ['dog', 'cat']).metainfo['classes'] == ['dog', 'cat']


def test_a_split_that_is_there_is_kept(tmp_path):
    for name in ('train/cat/a.png', 'train/dog/b.png', 'val/cat/c.png', 'val/dog/deep/d.png'):
        write(tmp_path / name)
    found = class_folders(tmp_path)
    assert paths(found.train) == ['train/cat/a.png', 'train/dog/b.png'] and found.notes == ()
    assert paths(found.test) == ['val/cat/c.png', 'val/dog/deep/d.png']
    with pytest.raises(UserError, match=r"the class 'bird' has no image in .*train: there are cat, dog"):
        class_folders(tmp_path, ['cat', 'bird'])


def test_one_folder_or_one_image_is_no_class(tmp_path):
    write(tmp_path / 'a.png')
    write(tmp_path / 'cat/a.png')
    with pytest.raises(UserError, match='has 1 folder with images'):
        class_folders(tmp_path)
    write(tmp_path / 'dog/a.png')
    with pytest.raises(UserError, match='cat/a.png is the only image of its class'):
        class_folders(tmp_path)


@pytest.mark.parametrize('tail', ['', '_mask', '-labels'])
def test_pairs_by_name(tmp_path, tail):
    for place in range(5):
        write(tmp_path / f'images/img_{place}.jpg')
        write(tmp_path / f'masks/img_{place}{tail}.png')
    write(tmp_path / 'images/alone.jpg')
    found = pairs(tmp_path / 'images', tmp_path / 'masks', 'seg_map_path')
    entries = [*found.train, *found.test]
    assert {entry['img_path'][:-4] + tail + '.png' for entry in entries} == {entry['seg_map_path'] for entry in entries}
    assert len(found.test) == 2 and len(found.train) == 3 and found.prefixes['seg_map_path'] == str(tmp_path / 'masks')
    assert '1 images without a label' in found.notes[-1] and 'alone.jpg' in found.notes[-1]


def test_pairs_in_folders(tmp_path):
    """A tree of labels beside that of the images, or one flat folder."""
    for part in ('train', 'test'):
        write(tmp_path / f'images/{part}/{part}.jpg')
        write(tmp_path / f'tree/{part}/{part}.png')
        write(tmp_path / f'flat/{part}.png')
    for folder in ('tree', 'flat'):
        found = pairs(tmp_path / 'images', tmp_path / folder, 'seg_map_path')
        assert paths(found.train) == ['train/train.jpg'] and paths(found.test) == ['test/test.jpg']
    write(tmp_path / 'tree/train/train.tif')
    with pytest.raises(UserError, match=r'train.jpg has several labels in .*: train/train.png, train/train.tif: keep'):
        pairs(tmp_path / 'images', tmp_path / 'tree', 'seg_map_path')


def test_labels_of_other_images(tmp_path):
    write(tmp_path / 'images/a.jpg')
    write(tmp_path / 'masks/b.png')
    with pytest.raises(UserError, match='the label of a.jpg would be called a.png, there is b.png'):
        pairs(tmp_path / 'images', tmp_path / 'masks', 'seg_map_path')
    with pytest.raises(UserError, match='images and labels are in one folder'):
        pairs(tmp_path / 'images', tmp_path / 'images', 'seg_map_path')


def segmentation(tmp_path, labels, palette=None):
    for place in range(3):
        write(tmp_path / f'images/{place}.png')
        write(tmp_path / f'masks/{place}.png', np.array(labels, np.uint8).reshape(2, -1), palette)
    return pairs(tmp_path / 'images', tmp_path / 'masks', 'seg_map_path')


@pytest.mark.parametrize(
    'labels, counted',
    [
        ([0, 1, 2, 255], (0, 1, 2)),  # 255 does not count
        ([0, 255, 0, 255], (0, 255)),  # but where it is all that there is beside another
        ([0, 128, 200, 255], (0, 128, 200)),  # classes are what occurs
    ],
)
def test_classes_of_label_maps(tmp_path, labels, counted):
    found = with_classes(segmentation(tmp_path, labels))
    assert found.labels == counted and found.metainfo == dict(classes=[f'label {label}' for label in counted])


def test_named_classes_and_colours(tmp_path):
    found = segmentation(tmp_path, [0, 1, 1, 255], palette=[0, 0, 0, 200, 10, 20, 9, 9, 9])
    assert with_classes(found).metainfo['palette'] == [[0, 0, 0], [200, 10, 20]]
    named = with_classes(found, ['road', 'car', 'sky'])
    assert named.metainfo == dict(classes=['road', 'car', 'sky'], palette=[[0, 0, 0], [200, 10, 20], [9, 9, 9]])
    assert named.labels == (0, 1, 2)
    with pytest.raises(UserError, match=r'masks/\d.png holds label 1, but 1 classes are named'):
        with_classes(found, ['road'])


def test_a_label_that_does_not_count(tmp_path):
    found = segmentation(tmp_path, [0, 1, 11, 255])
    assert with_classes(found, ignore=11).labels == (0, 1)
    assert with_classes(found, ['a', 'b'], ignore=11).labels == (0, 1)
    with pytest.raises(UserError, match='holds label 11'):
        with_classes(found, ['a', 'b'])


def test_what_is_no_label_map(tmp_path):
    with pytest.raises(UserError, match='hold 1 classes'):
        with_classes(segmentation(tmp_path, [3, 3, 3, 3]))
    write(tmp_path / 'masks/0.png')
    with pytest.raises(UserError, match='holds colours'):
        with_classes(pairs(tmp_path / 'images', tmp_path / 'masks', 'seg_map_path'))


@pytest.mark.parametrize('deepest, limit', [(4000, None), (12000, 20.0), (40000, 50.0)])
def test_the_range_of_depth(tmp_path, deepest, limit):
    for place in range(2):
        write(tmp_path / f'images/{place}.png')
        write(tmp_path / f'depth/{place}.png', np.array([[0, 500], [deepest, 0]], np.uint16))
    found = pairs(tmp_path / 'images', tmp_path / 'depth', 'depth_map_path')
    assert with_depth_range(found, 1000).metainfo == ({} if limit is None else dict(max_depth=limit))
    with pytest.raises(UserError, match=r'depths reach .* m \(.*: is --depth-scale 1 what a metre is'):
        with_depth_range(found, 1)


def test_a_name_that_is_no_text_is_refused(tmp_path):
    """Which no table of records could hold."""
    (tmp_path / os.fsdecode(b'\xff.png')).touch()
    with pytest.raises(UserError, match=r"the name '.udcff.png' of a file in .* is no UTF-8"):
        photographs(tmp_path)
