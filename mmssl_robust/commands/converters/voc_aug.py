"""Add SBD's annotations to PASCAL VOC 2012: 10 582 training images instead of 1464, none of them a validation image.

Example:
    mmssl-robust convert voc_aug benchmark_RELEASE/dataset data
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from mmssl_robust.datasets.converting import Output, add_converter_arguments, check_count, read_matlab, read_words
from mmssl_robust.datasets.image_files import encoded
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.foreign_files import below
from mmssl_robust.utils.progress import track

SUMMARY = "add SBD's annotations to PASCAL VOC 2012"
VOC = 'VOCdevkit/VOC2012'
COUNTS = {'train': 1464, 'val': 1449}
AUGMENTED = 9118
CLASSES = 21


def labels_of(path: Path) -> bytes:
    """The label map in a MATLAB file of SBD."""
    try:
        labels = read_matlab(path, 'GTcls')['GTcls'][0, 0]['Segmentation']
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise UserError(f'cannot read {path}: {first_line(error)}') from error
    if labels.dtype.kind not in 'iu' or labels.min() < 0 or labels.max() >= CLASSES:
        raise UserError(f'{path} has labels of {labels.min()} to {labels.max()}, VOC has {CLASSES} classes')
    return encoded(labels.astype(np.uint8))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sources and where to."""
    add_converter_arguments(parser, source='folder `dataset` of SBD, with cls, train.txt and val.txt')


def run(args: argparse.Namespace) -> None:
    """Convert."""
    voc = args.out / VOC
    known = {split: read_words(voc / f'ImageSets/Segmentation/{split}.txt') for split in COUNTS}
    for split, expected in COUNTS.items():
        check_count(f'VOC {split} images', len(known[split]), expected, args.partial)
    everything = {name for split in COUNTS for name in read_words(args.source / f'{split}.txt')}
    names = sorted(everything - set(known['train']) - set(known['val']))
    check_count('images of SBD besides those of VOC', len(names), AUGMENTED, args.partial)
    output = Output(voc)
    for name in track(names, 'SBD'):
        output.put(f'SegmentationClassAug/{name}.png', partial(labels_of, below(args.source, f'cls/{name}.mat', 'SBD')))
    output.put('ImageSets/Segmentation/aug.txt', lambda: ('\n'.join(names) + '\n').encode())
    output.report()
