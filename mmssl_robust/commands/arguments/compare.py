"""Evaluate several encoders on the same images under the same attacks, and rank them.

On a suite's data sets and attacks (without its curves), or on a folder of your images as `mmssl-robust evaluate` takes
it. Heads are those of the suite for this very encoder, or trained; without labels each encoder is also shown the images
that are made against the others. The report ranks the encoders by their least skill over the tasks, with the
differences between any two of them; after Ctrl-C or a kill the same command goes on where it stopped.

Examples:
    mmssl-robust compare mini mini_deacl --suite mini
    mmssl-robust compare mini mini_deacl timm:vit_small_patch14_dinov2.lvd142m --suite mini --data-root data
    mmssl-robust compare mini mini_deacl --images PHOTOS
    mmssl-robust compare mini mini_deacl --images IMAGES --task segmentation --labels MASKS
"""

import argparse
from pathlib import Path

from mmssl_robust.utils.shared_arguments import add_corrupt_argument, add_launcher_arguments

from .evaluate import add_plan_arguments

SUMMARY = 'evaluate several encoders on the same images, and rank them'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    parser.add_argument('encoders', nargs='+', metavar='ENCODER', help='such as timm:NAME, hf:NAME, a checkpoint, mini')
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument('--suite', metavar='NAME', help='its data sets and attacks; see `mmssl-robust list suites`')
    where.add_argument('--images', type=Path, metavar='DIR', help='or a folder of images, with the options below')
    parser.add_argument('--data-root', help='of a suite: folder of the data sets; default as for `benchmark`')
    parser.add_argument('--heads', type=Path, default=Path('work_dirs/heads'), help='folder of heads that it trains')
    parser.add_argument(
        '--out', '--work-dir', type=Path, metavar='DIR', help='folder of records and report; default below work_dirs'
    )
    add_corrupt_argument(parser)
    add_plan_arguments(parser)
    add_launcher_arguments(parser)
