"""Make a folder of PNG files for each class from CIFAR-10's binaries, as the mini configs read it.

Of CIFAR-10's versions the binary one holds no pickle. The other configs read the Python version as it is.

Example:
    mmssl-robust convert cifar10 cifar-10-batches-bin data
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from mmssl_robust.datasets.converting import Output, add_converter_arguments, check_count
from mmssl_robust.datasets.image_files import encoded
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.progress import track

SUMMARY = "make a folder of PNG files for each class from CIFAR-10's binaries"
CLASSES = ('airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck')
BATCHES = {'train': [f'data_batch_{number}.bin' for number in range(1, 6)], 'test': ['test_batch.bin']}
COUNT = 10_000  # images in a file
SHAPE = (3, 32, 32)


def read_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 32, 32, 3) RGB and labels 0 to 9: a record is a label and the image's three colours."""
    content = np.fromfile(path, np.uint8)
    length = 1 + np.prod(SHAPE)
    if not len(content) or len(content) % length:
        raise UserError(f'{path} is empty or ends within an image: download it again')
    records = content.reshape(-1, length)
    if records[:, 0].max() >= len(CLASSES):
        raise UserError(f'{path} has the label {records[:, 0].max()}, CIFAR-10 has {len(CLASSES)} classes')
    return records[:, 1:].reshape(-1, *SHAPE).transpose(0, 2, 3, 1), records[:, 0]


def batches_in(source: Path, partly: bool) -> dict[str, list[str | None]]:
    """The files of each split; in place of those that are not there, and need not be, None."""
    missing = [name for names in BATCHES.values() for name in names if not (source / name).is_file()]
    if missing and (not partly or len(missing) == sum(map(len, BATCHES.values()))):
        raise UserError(f'not found: {source / missing[0]}: give the folder that cifar-10-binary.tar.gz unpacks to')
    return {split: [None if name in missing else name for name in names] for split, names in BATCHES.items()}


def convert(path: Path, split: str, first: int, output: Output, partly: bool) -> None:
    """Write the images of a file, numbered from ``first``."""
    images, labels = read_batch(path)
    check_count(f'images in {path.name}', len(images), COUNT, partly)
    for index in track(range(len(images)), f'CIFAR-10 {path.name}'):
        output.put(f'{split}/{CLASSES[labels[index]]}/{first + index:05d}.png', partial(encoded, images[index]))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sources and where to."""
    add_converter_arguments(parser, source='folder of the binaries, cifar-10-batches-bin')


def run(args: argparse.Namespace) -> None:
    """Convert."""
    output = Output(args.out / 'cifar10')
    for split, names in batches_in(args.source, args.partial).items():
        for number, name in enumerate(names):
            if name is not None:
                convert(args.source / name, split, number * COUNT, output, args.partial)
    output.report()
