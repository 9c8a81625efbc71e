"""Halve NYU-Depth-v2's frames to 320 x 240, as the mini configs read them.

Images are averaged over 2 x 2 pixels; of depth one pixel of four is taken, as an average over an edge would be a depth
that nothing in the scene has.

Example:
    mmssl-robust convert nyu_half data/nyu data
"""

import argparse
from functools import partial

import cv2
import numpy as np

from mmssl_robust.datasets.converting import Output, Pairs, Reader, add_converter_arguments, opened
from mmssl_robust.datasets.image_files import decoded_depth, decoded_image, encoded
from mmssl_robust.utils.errors import UserError

from .nyu import COUNTS

SUMMARY = "halve NYU-Depth-v2's frames to 320 x 240"
SIZE = (480, 640)
PAIRS = Pairs('images/{}/', '.jpg', 'annotations/{}/', 'depth map')


def whole(array: np.ndarray, name: str) -> np.ndarray:
    """An image or a depth map, if it has the size of NYU-Depth-v2's frames."""
    if array.shape[:2] != SIZE:
        rows, columns = array.shape[:2]
        raise UserError(f'{name} is {columns}x{rows}, frames of NYU-Depth-v2 are {SIZE[1]}x{SIZE[0]}: give those')
    return array


def image_of(read: Reader, name: str) -> bytes:
    """Half an image, as JPEG."""
    image = whole(decoded_image(read(), name), name)
    return encoded(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), '.jpg')


def depth_of(read: Reader, name: str) -> bytes:
    """Half a depth map, in millimetres as before."""
    return encoded(whole(decoded_depth(read(), name), name)[::2, ::2])


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
