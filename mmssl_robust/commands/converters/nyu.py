"""Make images and depth maps of NYU-Depth-v2's labelled frames, by the official split.

Depth becomes 16-bit PNG in millimetres; images JPEG of quality 100, the suffix that MMSegmentation expects.

Example:
    mmssl-robust convert nyu nyu_depth_v2_labeled.mat splits.mat data
"""

import argparse
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from mmssl_robust.datasets.converting import Output, add_converter_arguments, check_count, read_matlab
from mmssl_robust.datasets.image_files import encoded
from mmssl_robust.utils.errors import UserError, first_line
from mmssl_robust.utils.files import check_regular
from mmssl_robust.utils.progress import track

SUMMARY = "make images and depth maps of NYU-Depth-v2's labelled frames"
COUNTS = {'train': 795, 'test': 654}


def read_splits(path: Path) -> dict[str, list[int]]:
    """Indices of the frames of each split, from 0."""
    try:
        content = read_matlab(path, 'trainNdxs', 'testNdxs')
        return {split: sorted(int(number) - 1 for number in content[f'{split}Ndxs'].ravel()) for split in COUNTS}
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(f'cannot read the split {path}: {first_line(error)}') from error


def image_of(frames: h5py.Dataset, index: int) -> bytes:
    """MATLAB's (H, W, 3), which HDF5 shows as (3, W, H)."""
    return encoded(frames[index].transpose(2, 1, 0), '.jpg')


def depth_of(frames: h5py.Dataset, index: int) -> bytes:
    """Metres (W, H) as millimetres (H, W)."""
    return encoded(np.rint(frames[index].T * 1000).clip(0, 65535).astype(np.uint16))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sources and where to."""
    add_converter_arguments(parser, labeled='nyu_depth_v2_labeled.mat', splits='splits.mat')


def run(args: argparse.Namespace) -> None:
    """Convert."""
    splits = read_splits(args.splits)
    check_regular(args.labeled)
    output = Output(args.out / 'nyu')
    try:
        with h5py.File(args.labeled) as file:
            frames = len(file['images'])
            for split, expected in COUNTS.items():
                indices = [index for index in splits[split] if index < frames]
                check_count(f'{split} frames', len(indices), expected, args.partial)
                for index in track(indices, f'NYU-Depth-v2 {split}'):
                    name = f'{split}/frame_{index + 1:04d}'
                    output.put(f'images/{name}.jpg', partial(image_of, file['images'], index))
                    output.put(f'annotations/{name}.png', partial(depth_of, file['depths'], index))
    except (OSError, KeyError) as error:
        raise UserError(f'cannot read {args.labeled}: {first_line(error)}') from error
    output.report()
