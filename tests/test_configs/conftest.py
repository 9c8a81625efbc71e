"""Generated images in the layout of every data set that is not embedded."""

import pickle

import cv2
import numpy as np
import pytest
from mmpretrain.datasets import CIFAR10
from PIL import Image

STL10 = ('airplane', 'bird', 'car', 'cat', 'deer', 'dog', 'horse', 'monkey', 'ship', 'truck')


def write_photograph(path, generator, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), generator.integers(0, 256, (*size, 3), dtype=np.uint8))


def write_map(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), values)


def write_cifar(root, generator):
    """Pickles of one image each, under the names of CIFAR-10 and CIFAR-100."""
    for folder, files, key, classes in (
        ('cifar10/cifar-10-batches-py', [*(f'data_batch_{i}' for i in range(1, 6)), 'test_batch'], 'labels', 10),
        ('cifar100/cifar-100-python', ['train', 'test'], 'fine_labels', 100),
    ):
        (root / folder).mkdir(parents=True)
        for name in files:
            image = generator.integers(0, 256, (1, 3072), dtype=np.uint8)
            batch = {'data': image, key: [int(generator.integers(classes))]}
            (root / folder / name).write_bytes(pickle.dumps(batch))


def write_stl10(root, generator):
    for split in ('train', 'test'):
        for name in STL10:
            write_photograph(root / 'stl10' / split / name / '0001.png', generator, (96, 96))


def write_ade20k(root, generator):
    for split in ('training', 'validation'):
        write_photograph(root / f'ade/ADEChallengeData2016/images/{split}/room.jpg', generator, (300, 400))
        labels = generator.integers(0, 151, (300, 400), dtype=np.uint8)
        write_map(root / f'ade/ADEChallengeData2016/annotations/{split}/room.png', labels)


def write_cityscapes(root, generator):
    for split in ('train', 'val'):
        stem = f'{split}/bonn/bonn_000000_000019'
        write_photograph(root / f'cityscapes/leftImg8bit/{stem}_leftImg8bit.png', generator, (512, 1024))
        labels = generator.integers(0, 20, (512, 1024), dtype=np.uint8)
        labels[labels == 19] = 255
        write_map(root / f'cityscapes/gtFine/{stem}_gtFine_labelTrainIds.png', labels)


def write_voc2012(root, generator):
    """One image each in train, aug and val; annotations of train and val have a palette, those of aug none."""
    folder = root / 'VOCdevkit/VOC2012'
    (folder / 'ImageSets/Segmentation').mkdir(parents=True)
    for split, annotations in (
        ('train', 'SegmentationClass'),
        ('aug', 'SegmentationClassAug'),
        ('val', 'SegmentationClass'),
    ):
        (folder / f'ImageSets/Segmentation/{split}.txt').write_text(f'2007_{split}\n')
        write_photograph(folder / f'JPEGImages/2007_{split}.jpg', generator, (375, 500))
        labels = generator.integers(0, 21, (375, 500), dtype=np.uint8)
        labels[:10], labels[-10:] = 0, 255
        (folder / annotations).mkdir(exist_ok=True)
        image = Image.fromarray(labels)
        if annotations == 'SegmentationClass':
            image.putpalette(generator.integers(0, 256, 768, dtype=np.uint8).tobytes())
        image.save(folder / annotations / f'2007_{split}.png')


def write_nyu(root, generator):
    for folder, size in (('nyu', (480, 640)), ('nyu_half', (240, 320))):
        for split in ('train', 'test'):
            for name in ('room_0000', 'room_0001'):
                write_photograph(root / f'{folder}/images/{split}/{name}.jpg', generator, size)
                depth = generator.integers(500, 9000, size, dtype=np.uint16)
                write_map(root / f'{folder}/annotations/{split}/{name}.png', depth)


@pytest.fixture(scope='session')
def full_data(tmp_path_factory, data_root):
    """A folder with all data sets: the embedded sample, and generated images for the others."""
    root = tmp_path_factory.mktemp('data')
    generator = np.random.default_rng(0)
    for folder in ('camvid', 'hololens'):
        (root / folder).symlink_to(data_root / folder)
    write_cifar(root, generator)
    for split in ('train', 'test'):  # the mini configs read CIFAR-10 as an image folder
        (root / 'cifar10' / split).symlink_to(data_root / 'cifar10' / split)
    for write in (write_stl10, write_ade20k, write_cityscapes, write_voc2012, write_nyu):
        write(root, generator)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CIFAR10, '_check_integrity', lambda dataset: True)  # it knows the hashes of the real files
        yield root
