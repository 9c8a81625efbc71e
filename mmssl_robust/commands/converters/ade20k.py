"""Unpack ADE20K's scene parsing benchmark and check every label map.

Example:
    mmssl-robust convert ade20k ADEChallengeData2016.zip data
"""

import argparse
from functools import partial

from mmssl_robust.datasets.converting import Output, Pairs, Reader, add_converter_arguments, opened
from mmssl_robust.datasets.image_files import decoded_labels
from mmssl_robust.utils.errors import UserError

SUMMARY = "unpack ADE20K's scene parsing benchmark and check every label map"
COUNTS = {'training': 20210, 'validation': 2000}
PAIRS = Pairs('images/{}/', '.jpg', 'annotations/{}/')
CLASSES = 150  # and 0 for none


def checked(read: Reader, name: str) -> bytes:
    """A label map's file, if its labels are ADE20K's."""
    content = read()
    largest = decoded_labels(content, name).max()
    if largest > CLASSES:
        raise UserError(f'{name} has the label {largest}, ADE20K has {CLASSES} classes')
    return content


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sources and where to."""
    add_converter_arguments(parser, source='ADEChallengeData2016.zip, or the folder that it unpacks to')


def run(args: argparse.Namespace) -> None:
    """Convert."""
    output = Output(args.out / 'ade/ADEChallengeData2016')
    with opened(args.source) as files:
        files = {name.removeprefix('ADEChallengeData2016/'): read for name, read in files.items()}
        for split, expected in COUNTS.items():
            for image, labels in PAIRS.of(files, split, expected, args.partial):
                output.put(image, files[image])
                output.put(labels, partial(checked, files[labels], labels))
    output.report()
