"""Unpack Cityscapes and make the label maps of its 19 training classes.

Example:
    mmssl-robust convert cityscapes leftImg8bit_trainvaltest.zip gtFine_trainvaltest.zip data
"""

import argparse
from functools import partial

import numpy as np

from mmssl_robust.datasets.converting import Output, Reader, add_converter_arguments, check_count, opened
from mmssl_robust.datasets.image_files import decoded_labels, encoded
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.progress import track

SUMMARY = 'unpack Cityscapes and make the label maps of its 19 training classes'
COUNTS = {'train': 2975, 'val': 500}
# Ids of the 19 classes in the order of their training ids; all others are ignored.
CLASS_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
IGNORED = 255
TRAIN_IDS = np.full(256, IGNORED, np.uint8)
TRAIN_IDS[list(CLASS_IDS)] = range(len(CLASS_IDS))


def train_ids(read: Reader, name: str) -> bytes:
    """The label map of training ids from one of ids."""
    return encoded(TRAIN_IDS[decoded_labels(read(), name)])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sources and where to."""
    add_converter_arguments(
        parser,
        images='leftImg8bit_trainvaltest.zip, or the folder in which it was unpacked',
        labels='gtFine_trainvaltest.zip, or the folder in which it was unpacked',
    )


def run(args: argparse.Namespace) -> None:
    """Convert."""
    output = Output(args.out / 'cityscapes')
    with opened(args.images) as images, opened(args.labels) as labels:
        for split, expected in COUNTS.items():
            names = sorted(
                name
                for name in images
                if name.startswith(f'leftImg8bit/{split}/') and name.endswith('_leftImg8bit.png')
            )
            check_count(f'{split} images', len(names), expected, args.partial)
            for name in track(names, f'Cityscapes {split}'):
                stem = name.replace('leftImg8bit/', 'gtFine/', 1).removesuffix('_leftImg8bit.png')
                ids = f'{stem}_gtFine_labelIds.png'
                if ids not in labels:
                    raise UserError(f'{name} has no label map {ids}: is the download complete?')
                output.put(name, images[name])
                output.put(f'{stem}_gtFine_labelTrainIds.png', partial(train_ids, labels[ids], ids))
    output.report()
