"""Certify a smoothed model: what no perturbation of an L2 norm can change, image by image, by randomised smoothing.

The smoothed model says what the model says most often, or in the median, of the image with Gaussian noise. Records are
written image by image: after Ctrl-C or a kill the same command goes on where it stopped. See docs/certified.md.

Examples:
    mmssl-robust certify mini_cifar10 mmssl_robust://mini/mini_cifar10.safetensors --sigma 0.25 --max-images 20
    mmssl-robust certify CONFIG CHECKPOINT --sigma 0.25 --n 10000 --dry-run --tflops 10
    mmssl-robust certify CONFIG CHECKPOINT --sigma 0.25 --tau 0.75 0.9      # of a segmentor
    torchrun --nproc_per_node 8 tools/certify.py CONFIG CHECKPOINT --sigma 0.5 --work-dir work_dirs/certified/mine
"""

import argparse

from mmssl_robust.utils.arguments import integer, number
from mmssl_robust.utils.shared_arguments import (
    add_checkpoint_argument,
    add_common_arguments,
    add_corrupt_argument,
    add_weights_argument,
)

SUMMARY = 'certify a smoothed model: what no L2 perturbation can change'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    add_common_arguments(parser, 'work_dirs/certified/CONFIG_NAME-sigmaSIGMA')
    add_checkpoint_argument(parser)
    parser.add_argument(
        '--sigma', type=number(above=0), required=True, help='standard deviation of the noise, for pixels in [0, 1]'
    )
    parser.add_argument('--n0', type=integer(1), default=100, help='draws by which a class is chosen; default 100')
    parser.add_argument('--n', type=integer(1), default=1000, help='draws by which it is certified; default 1000')
    parser.add_argument(
        '--alpha',
        type=number(above=0),
        default=0.001,
        help='probability that the certificate of an image at one radius is wrong; default 0.001',
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        '--radii', type=number(), nargs='+', metavar='R', help='L2 radii; default 0 to 2 times sigma in some steps'
    )
    where.add_argument(
        '--tau', type=number(), nargs='+', help='the same as shares of the draws, from 0.5 on: R = sigma Phi^-1(tau)'
    )
    parser.add_argument('--seed', type=integer(0), default=0, help='of the noise')
    parser.add_argument(
        '--batch-size',
        type=integer(1),
        help="noisy images in the model at a time; default that of the config's data loader",
    )
    parser.add_argument('--max-images', type=integer(1), help='take this many, evenly spread over the data set')
    add_corrupt_argument(parser)
    add_weights_argument(parser)
    parser.add_argument('--dry-run', action='store_true', help='say what it would cost')
    parser.add_argument(
        '--tflops', type=number(above=0), help='rate in 10^12 operations a second that --dry-run should assume'
    )
