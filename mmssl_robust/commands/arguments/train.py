"""Train an encoder or a head.

Examples:
    mmssl-robust train configs/segmentation/mini_camvid.py
    mmssl-robust train configs/deacl/dino_mini.py --resume --log-to tensorboard
    bash tools/dist_train.sh configs/deacl/dino_vitb16_in1k.py 8 --amp
"""

import argparse

from mmssl_robust.utils.shared_arguments import add_common_arguments, add_log_argument

SUMMARY = 'train an encoder or a head'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    add_common_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='continue from the newest checkpoint that is whole, or from a given one',
    )
    precisions = ('bf16', 'fp16')
    parser.add_argument(
        '--amp', nargs='?', const='bf16', choices=precisions, help='mixed precision, by default bf16 (needs a GPU)'
    )
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate by the batch size')
    parser.add_argument(
        '--cache-features',
        nargs='?',
        const='4GB',
        metavar='SIZE',
        help='keep the features of a frozen encoder in this much memory, by default 4GB; pays without random crops',
    )
    parser.add_argument(
        '--on-corrupt',
        choices=('fail', 'skip'),
        help='what a sample that cannot be read does; skip: the next one takes its place (default fail)',
    )
    add_log_argument(parser)
