"""Annotations are read as they are stored, or refused with the file and the reason."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from mmseg.datasets.transforms import LoadAnnotations as Stock
from PIL import Image

from mmssl_robust.datasets import LoadAnnotations, LoadDepthAnnotation
from mmssl_robust.registry import TRANSFORMS
from mmssl_robust.utils.errors import UserError

WIDE = np.array([[0, 1, 2], [254, 300, 65535]], np.uint16)


def load(path, name='mmseg.LoadAnnotations', info=(), **settings):
    key = 'depth_map_path' if 'Depth' in name else 'seg_map_path'
    results = {key: str(path), 'img_path': 'image.jpg', 'seg_fields': [], **dict(info)}
    results = TRANSFORMS.build(dict(type=name, **settings))(results)
    assert results['seg_fields'] == ['gt_depth_map' if 'Depth' in name else 'gt_seg_map']
    return results[results['seg_fields'][0]]


def depth(path, **settings):
    return load(path, 'mmseg.LoadDepthAnnotation', **settings)


def grey_png(samples, bits):
    """A greyscale PNG of fewer than 8 bits, which neither Pillow nor OpenCV writes."""
    bytes_of = lambda row: int(''.join(f'{sample:0{bits}b}' for sample in row), 2).to_bytes(len(row) * bits // 8, 'big')  # noqa: E731
    chunk = lambda name, data: struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))  # noqa: E731
    header = struct.pack('>IIBBBBB', len(samples[0]), len(samples), bits, 0, 0, 0, 0)
    body = zlib.compress(b''.join(b'\0' + bytes_of(row) for row in samples))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', body) + chunk(b'IEND', b'')


def write(path, array):
    if path.suffix == '.npy':
        np.save(path, array)
    else:
        assert cv2.imwrite(str(path), array)
    return path


def test_configs_get_these_loaders_under_either_name():
    for name, kind in (('LoadAnnotations', LoadAnnotations), ('LoadDepthAnnotation', LoadDepthAnnotation)):
        for scope in ('mmseg', 'mmssl_robust'):
            assert type(TRANSFORMS.build(dict(type=f'{scope}.{name}'))) is kind


@pytest.mark.parametrize('name', ['a.png', 'a.tiff', 'a.npy'])
def test_labels_keep_their_depth(name, tmp_path):
    found = load(write(tmp_path / name, WIDE))
    np.testing.assert_array_equal(found, WIDE)
    assert cv2.resize(found, (6, 4), interpolation=cv2.INTER_NEAREST).dtype == found.dtype


@pytest.mark.parametrize('dtype', [np.float32, np.float64, np.int32])
def test_whole_numbers_are_labels_of_whatever_type(dtype, tmp_path):
    np.testing.assert_array_equal(load(write(tmp_path / 'a.tiff', WIDE.astype(dtype))), WIDE)


def test_negative_labels_do_not_wrap(tmp_path):
    np.testing.assert_array_equal(load(write(tmp_path / 'a.npy', np.array([[-1, 0, 5]]))), [[-1, 0, 5]])


@pytest.mark.parametrize('bits', [8, 4])
def test_a_palette_is_read_as_its_indices(bits, tmp_path):
    labels = np.array([[0, 1], [7, 15]], np.uint8)
    image = Image.fromarray(labels, 'P')
    image.putpalette([200, 100, 50] * 16)
    image.save(tmp_path / 'a.png', bits=bits)
    np.testing.assert_array_equal(load(tmp_path / 'a.png'), labels)


@pytest.mark.parametrize('bits', [1, 2, 4])
def test_few_bits_are_not_stretched(bits, tmp_path):
    labels = np.arange(8).reshape(1, 8) % 2**bits
    (tmp_path / 'a.png').write_bytes(grey_png(labels, bits))
    np.testing.assert_array_equal(load(tmp_path / 'a.png'), labels)


@pytest.mark.parametrize('channels, colours', [(2, 'LA'), (3, 'RGB'), (4, 'RGBA')])
def test_colours_are_no_labels(channels, colours, tmp_path):
    Image.fromarray(np.zeros((2, 3, channels), np.uint8)).save(tmp_path / 'a.png')
    with pytest.raises(UserError, match=rf'a.png holds colours \({colours}\), not labels'):
        load(tmp_path / 'a.png')


def test_what_else_is_no_label_map(tmp_path):
    Image.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / 'a.jpg')
    with pytest.raises(UserError, match='a.jpg is a JPEG, which does not keep labels'):
        load(tmp_path / 'a.jpg')
    for value in (0.5, np.nan, np.inf):
        with pytest.raises(UserError, match='a.npy holds numbers that are no labels'):
            load(write(tmp_path / 'a.npy', np.array([[0.0, value]])))
    with pytest.raises(UserError, match='a.npy holds label 5000000000'):
        load(write(tmp_path / 'a.npy', np.array([[5_000_000_000]])))
    with pytest.raises(UserError, match='a.npy holds 3 channels'):
        load(write(tmp_path / 'a.npy', np.zeros((2, 3, 3))))
    with pytest.raises(UserError, match='image.jpg has no annotation: give the data set a data_prefix of seg_map_path'):
        load('')


@pytest.mark.parametrize('loader', [load, depth])
def test_damaged_files_are_named(loader, tmp_path):
    whole = write(tmp_path / 'a.png', np.arange(10000, dtype=np.uint16).reshape(100, 100)).read_bytes()
    for content in (b'', b'garbage'):
        (tmp_path / 'a.png').write_bytes(content)
        with pytest.raises(UserError, match='cannot read .*a.png') as caught:
            loader(tmp_path / 'a.png')
        assert '\n' not in str(caught.value)
    (tmp_path / 'a.png').write_bytes(whole)
    with pytest.raises(UserError, match=r'cannot read .*a.PNG \(no such file, but there is a.png\)'):
        loader(tmp_path / 'a.PNG')
    np.save(tmp_path / 'o.npy', np.array([print]))
    with pytest.raises(UserError, match='cannot read .*o.npy.*allow_pickle'):
        loader(tmp_path / 'o.npy')


@pytest.mark.parametrize('loader', [load, depth])
def test_another_size_than_the_image_is_refused(loader, tmp_path):
    path = write(tmp_path / 'a.png', WIDE)
    with pytest.raises(UserError, match='a.png is 3x2, its image image.jpg 4x2: both must have one size'):
        loader(path, info=dict(ori_shape=(2, 4)))


def test_zero_is_left_out_at_any_depth(tmp_path):
    path = write(tmp_path / 'a.png', np.array([[0, 1, 255, 254, 257, 300]], np.uint16))
    reduced = load(path, reduce_zero_label=True, info=dict(reduce_zero_label=True))
    np.testing.assert_array_equal(reduced, [[255, 0, 255, 253, 256, 299]])
    with pytest.raises(UserError, match='holds label 256, which reduce_zero_label makes 255'):
        load(write(tmp_path / 'b.png', np.array([[256]], np.uint16)), reduce_zero_label=True)
    with pytest.raises(UserError, match='reduce_zero_label is False in the data set, True in LoadAnnotations'):
        load(path, reduce_zero_label=True, info=dict(reduce_zero_label=False))


@pytest.mark.parametrize('zero', [True, False])
def test_ordinary_maps_are_what_mmsegmentation_makes_of_them(zero, tmp_path):
    labels = np.random.default_rng(0).integers(0, 256, (5, 7), dtype=np.uint8)
    labels[labels == 254] = 3  # which MMSegmentation takes for unlabelled
    path = write(tmp_path / 'a.png', labels)
    info = dict(reduce_zero_label=zero, label_map={1: 4, 4: 1})
    stock = Stock()(dict(seg_map_path=str(path), seg_fields=[], **info))['gt_seg_map']
    ours = load(path, info=info)
    np.testing.assert_array_equal(ours, stock)
    assert ours.dtype == stock.dtype


@pytest.mark.parametrize('name, dtype', [('a.png', np.uint16), ('a.tiff', np.float32), ('a.npy', np.float64)])
def test_depth_in_metres(name, dtype, tmp_path):
    stored = np.array([[0, 500, 1500], [60000, 1, 2]], dtype)
    found = depth(write(tmp_path / name, stored), depth_rescale_factor=1e-3)
    np.testing.assert_allclose(found, stored / 1000, rtol=1e-6)
    assert found.dtype == np.float32


def test_depth_that_is_none_is_unknown(tmp_path):
    path = write(tmp_path / 'a.npy', np.array([[np.nan, np.inf, -np.inf, -1, 0, 2.5]]))
    np.testing.assert_array_equal(depth(path), [[0, 0, 0, 0, 0, 2.5]])


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_depth_of_several_channels_is_refused(dtype, tmp_path):
    with pytest.raises(UserError, match='a.png holds 3 channels, an annotation has one number a pixel'):
        depth(write(tmp_path / 'a.png', np.ones((2, 3, 3), dtype)))


@pytest.mark.parametrize('backend', ['cv2', 'pillow'])
def test_a_backend_changes_no_label(backend, tmp_path):
    labels = np.array([[0, 1, 3, 2], [2, 2, 1, 0]], np.uint8)
    palette = Image.fromarray(labels, mode='P')
    palette.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200, 9, 9, 9])
    palette.save(tmp_path / 'palette.png')
    (tmp_path / 'two_bits.png').write_bytes(grey_png(labels, 2))
    for name in ('palette.png', 'two_bits.png'):
        np.testing.assert_array_equal(load(tmp_path / name, imdecode_backend=backend), labels)
    Image.fromarray(labels > 1).save(tmp_path / 'one_bit.png')
    np.testing.assert_array_equal(load(tmp_path / 'one_bit.png', imdecode_backend=backend), labels > 1)


def test_the_suffix_of_arrays_in_any_case(tmp_path):
    for array, read in ((WIDE, load), (WIDE.astype(np.float32), depth)):
        np.save(tmp_path / 'a.npy', array)
        (tmp_path / 'a.npy').rename(tmp_path / 'a.NPY')
        np.testing.assert_array_equal(read(tmp_path / 'a.NPY'), array)


@pytest.mark.parametrize('kind', [complex, 'U3', bool])
def test_arrays_that_are_no_depth(kind, tmp_path):
    path = write(tmp_path / 'a.npy', np.ones((2, 3)).astype(kind))
    with pytest.raises(UserError, match=r'a.npy holds numbers that are no depth'):
        depth(path)
