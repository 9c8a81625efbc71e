"""Labels lie on their pixels whatever EXIF says, or are refused where nobody can know."""

import functools
import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from mmssl_robust.datasets.orientation import orientation, turned
from mmssl_robust.registry import TRANSFORMS
from mmssl_robust.utils.errors import UserError

LABELS = np.kron(np.array([[0, 1, 2], [3, 4, 5]], np.uint8), np.ones((8, 8), np.uint8))
FORMATS = ('jpg', 'png', 'webp', 'tiff')


def exif(tag):
    found = Image.Exif()
    found[274] = tag
    return found


def write_image(path, tag, labels=LABELS):
    Image.fromarray(np.repeat(labels[..., None] * 40, 3, axis=-1)).save(path, exif=exif(tag))


def is_turned(suffix):
    """Whether OpenCV turns images of a format, which for WebP depends on its version."""
    file = io.BytesIO()
    Image.new('L', (24, 16)).save(file, 'JPEG' if suffix == 'jpg' else suffix.upper(), exif=exif(6))
    return cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), cv2.IMREAD_COLOR).shape[:2] == (24, 16)


def shown(labels, tag):
    """By Pillow, which is not what the loader uses."""
    image = Image.fromarray(labels)
    image.getexif()[274] = tag
    return np.array(ImageOps.exif_transpose(image))


def load(folder, image, label='label.png', name='LoadAnnotations', **settings):
    key = 'seg_map_path' if name == 'LoadAnnotations' else 'depth_map_path'
    results = {'img_path': str(folder / image), key: str(folder / label), 'seg_fields': []}
    results = TRANSFORMS.build(dict(type='mmcv.LoadImageFromFile', **settings.pop('read', {})))(results)
    return TRANSFORMS.build(dict(type=f'mmseg.{name}', **settings))(results)


def fits(results):
    annotation = results['gt_seg_map' if 'gt_seg_map' in results else 'gt_depth_map']
    distance = np.abs(annotation.astype(float) * 40 - results['img'][..., 0])
    return distance.max() < 20


@pytest.mark.parametrize('tag', range(1, 9))
def test_turned_as_pillow_turns(tag):
    np.testing.assert_array_equal(turned(LABELS, tag), shown(LABELS, tag))


@pytest.mark.parametrize('suffix', FORMATS)
@pytest.mark.parametrize('tag', range(1, 9))
def test_orientation_of_a_file(tag, suffix, tmp_path):
    write_image(tmp_path / f'a.{suffix}', tag)
    with Image.open(tmp_path / f'a.{suffix}') as image:
        assert orientation(image) == tag


@pytest.mark.parametrize('name', ['LoadAnnotations', 'LoadDepthAnnotation'])
@pytest.mark.parametrize('suffix', FORMATS)
@pytest.mark.parametrize('tag', [5, 6, 7, 8])
def test_the_sizes_tell_where_sides_are_swapped(tag, suffix, name, tmp_path):
    write_image(tmp_path / f'a.{suffix}', tag)
    as_stored, as_shown = (
        functools.partial(load, tmp_path, f'a.{suffix}', label, name) for label in ('1.png', '2.png')
    )
    Image.fromarray(LABELS).save(tmp_path / '1.png')
    Image.fromarray(shown(LABELS, tag)).save(tmp_path / '2.png')
    assert fits(as_stored())
    if is_turned(suffix):
        assert fits(as_shown())
    else:
        with pytest.raises(UserError, match='both must have one size'):
            as_shown()


@pytest.mark.parametrize('suffix', FORMATS)
@pytest.mark.parametrize('tag', [2, 3, 4])
def test_where_they_do_not_it_must_be_said(tag, suffix, tmp_path):
    write_image(tmp_path / f'a.{suffix}', tag)
    if not is_turned(suffix):
        Image.fromarray(LABELS).save(tmp_path / 'label.png')
        assert fits(load(tmp_path, f'a.{suffix}'))
        return
    for turn, labels in ((True, LABELS), (False, shown(LABELS, tag))):
        Image.fromarray(labels).save(tmp_path / 'label.png')
        with pytest.raises(
            UserError, match=rf'a.{suffix} is turned by its EXIF orientation {tag}; whether .*label.png'
        ):
            load(tmp_path, f'a.{suffix}')
        assert fits(load(tmp_path, f'a.{suffix}', turn=turn))


def test_a_square_tells_nothing_either(tmp_path):
    write_image(tmp_path / 'a.jpg', 6, LABELS[:16, :16])
    Image.fromarray(LABELS[:16, :16]).save(tmp_path / 'label.png')
    with pytest.raises(UserError, match='EXIF orientation 6'):
        load(tmp_path, 'a.jpg')
    assert fits(load(tmp_path, 'a.jpg', turn=True))


@pytest.mark.parametrize('suffix', ['png', 'tiff'])
@pytest.mark.parametrize('tag', range(1, 9))
def test_a_label_with_an_orientation_of_its_own(tag, suffix, tmp_path):
    for name in ('LoadAnnotations', 'LoadDepthAnnotation'):
        write_image(tmp_path / 'a.jpg', tag)
        Image.fromarray(LABELS).save(tmp_path / f'label.{suffix}', exif=exif(tag))
        assert fits(load(tmp_path, 'a.jpg', f'label.{suffix}', name))


@pytest.mark.parametrize('tag', [5, 6, 7, 8])
def test_an_image_that_is_read_as_it_is_stored(tag, tmp_path):
    write_image(tmp_path / 'a.jpg', tag)
    Image.fromarray(LABELS).save(tmp_path / 'label.png')
    stored = dict(color_type='color_ignore_orientation')
    assert fits(load(tmp_path, 'a.jpg', read=stored))
    Image.fromarray(shown(LABELS, tag)).save(tmp_path / 'label.png')
    with pytest.raises(UserError, match='both must have one size'):
        load(tmp_path, 'a.jpg', read=stored)
