"""Make a folder of PNG files for each class from STL-10's binaries.

Example:
    mmssl-robust convert stl10 stl10_binary data
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from mmssl_robust.datasets.converting import Output, add_converter_arguments, check_count, read_words
from mmssl_robust.datasets.image_files import encoded
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.foreign_files import is_file_name
from mmssl_robust.utils.progress import track

SUMMARY = "make a folder of PNG files for each class from STL-10's binaries"
COUNTS = {'train': 5000, 'test': 8000}
SHAPE = (3, 96, 96)  # columns first


def read_split(source: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 96, 96, 3) RGB, read where they are needed, and labels 1 to 10."""
    images, labels = source / f'{split}_X.bin', source / f'{split}_y.bin'
    for path in (images, labels):
        if not path.is_file():
            raise UserError(f'not found: {path}: give the folder that stl10_binary.tar.gz unpacks to')
    size = images.stat().st_size
    if not size or size % np.prod(SHAPE):
        raise UserError(f'{images} is empty or ends within an image: download it again')
    pixels = np.memmap(images, np.uint8, 'r')
    return pixels.reshape(-1, *SHAPE).transpose(0, 3, 2, 1), np.fromfile(labels, np.uint8)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sources and where to."""
    add_converter_arguments(parser, source='folder of the binaries')


def run(args: argparse.Namespace) -> None:
    """Convert."""
    names = args.source / 'class_names.txt'
    classes = read_words(names)
    odd = [name for name in classes if not is_file_name(name)]
    if odd:
        raise UserError(
            f'{names} names {odd[0]!r}, which would lie outside of the folder of its split, or of its class'
        )
    output = Output(args.out / 'stl10')
    for split, expected in COUNTS.items():
        images, labels = read_split(args.source, split)
        check_count(f'{split} images', len(images), expected, args.partial)
        if len(labels) != len(images) or labels.min() < 1 or labels.max() > len(classes):
            raise UserError(f'{split}_y.bin does not hold a label of 1 to {len(classes)} for each image')
        for index in track(range(len(images)), f'STL-10 {split}'):
            name = f'{split}/{classes[labels[index] - 1]}/{index:05d}.png'
            output.put(name, partial(encoded, images[index]))
    output.report()
