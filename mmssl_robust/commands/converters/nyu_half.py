"""Halve NYU-Depth-v2's frames to 320 x 240, as the mini configs read them.

Images are averaged over 2 x 2 pixels; of depth one pixel of four is taken, as an average over an edge would be a depth
that nothing in the scene has.

Example:
    mmssl-robust convert nyu_half data/nyu data
"""

import argparse
from functools import partial

import cv2

from mmssl_robust.datasets.converting import Output, Pairs, Reader, add_converter_arguments, opened
from mmssl_robust.datasets.image_files import decoded_depth, decoded_image, encoded

from .nyu import COUNTS

SUMMARY = "halve NYU-Depth-v2's frames to 320 x 240"
PAIRS = Pairs('images/{}/', '.jpg', 'annotations/{}/', 'depth map')


def image_of(read: Reader, name: str) -> bytes:
    """Half an image, as JPEG."""
    return encoded(cv2.resize(decoded_image(read(), name), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), '.jpg')


def depth_of(read: Reader, name: str) -> bytes:
    """Half a depth map, in millimetres as before."""
    return encoded(decoded_depth(read(), name)[::2, ::2])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sources and where to."""
    add_converter_arguments(parser, source='the folder nyu that `mmssl-robust convert nyu` has made')


def run(args: argparse.Namespace) -> None:
    """Convert."""
    output = Output(args.out / 'nyu_half')
    with opened(args.source) as files:
        for split, expected in COUNTS.items():
            for image, depth in PAIRS.of(files, split, expected, args.partial):
                output.put(image, partial(image_of, files[image], image))
                output.put(depth, partial(depth_of, files[depth], depth))
    output.report()
