r"""Make one perturbation for all images, which the attack `universal` adds to each of any data set.

It is made on the images of the config's test set, or those that --cfg-options name, against the embedding (--attack
embed) or the task (--attack pgd, segpgd, depthpgd). --epochs 0 writes random noise of the same size, for comparison.

Examples:
    mmssl-robust universal mini_cifar10 mmssl_robust://mini/mini_cifar10.safetensors --out delta.safetensors \
        --cfg-options test_dataloader.dataset.data_prefix=train
    mmssl-robust test mini_cifar10 mmssl_robust://mini/mini_cifar10.safetensors \
        --attack universal --perturbation delta.safetensors
"""

import argparse
from pathlib import Path

from mmssl_robust.utils.arguments import integer, number
from mmssl_robust.utils.shared_arguments import add_common_arguments, add_corrupt_argument

SUMMARY = 'make one perturbation for all images'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    add_common_arguments(parser)
    parser.add_argument('checkpoint', nargs='?', help='as for `mmssl-robust test`')
    parser.add_argument('--out', required=True, type=Path, metavar='FILE.safetensors', help='the file to write')
    parser.add_argument(
        '--attack', default='embed', metavar='NAME', help='whose loss, norm and eps it has; default embed'
    )
    parser.add_argument('--norm', help='linf, l2 or l1')
    parser.add_argument('--eps', help="size in that norm, for pixels in [0, 1], e.g. '4/255'")
    parser.add_argument('--step-size', type=number(above=0), help='of the first step; default a quarter of eps')
    parser.add_argument('--epochs', type=integer(0), default=20, help='times that each image is seen; default 20')
    parser.add_argument('--batch-size', type=integer(1), default=10, help='images of a step; default 10')
    parser.add_argument('--max-images', type=integer(1), help='take this many, evenly spread over the data set')
    parser.add_argument('--fit', choices=('tile', 'resize'), default='tile', help='to other sizes; default tile')
    parser.add_argument('--seed', type=integer(0), default=0, help='of the start and of the order of the images')
    add_corrupt_argument(parser)
