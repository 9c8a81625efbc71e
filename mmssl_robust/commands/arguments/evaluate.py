"""Attack an encoder on a folder of your images, without a config; say --task where there are labels.

Without labels the embedding is attacked, and how far it moves is said in units that compare between encoders. With
labels a linear head is trained on features of the frozen encoder, which are computed once, and the task is attacked.
The folder of the results holds config, head and a record of each image; after Ctrl-C or a kill the same command goes on
where it stopped.

Examples:
    mmssl-robust evaluate timm:vit_small_patch14_dinov2.lvd142m PHOTOS
    mmssl-robust evaluate hf:facebook/dinov2-small PHOTOS --task classification     # a folder for each class
    mmssl-robust evaluate ENCODER IMAGES --task segmentation --labels MASKS --classes road car sky
    mmssl-robust evaluate ENCODER IMAGES --task depth --labels DEPTH --depth-scale 1000 --eps 2/255 8/255
    mmssl-robust evaluate ENCODER PHOTOS --norm l2 --eps 0.5 1 --restarts 3
    mmssl-robust evaluate mini PHOTOS --attack embed-cls --max-images 100 --save-config my_config.py
    torchrun --standalone --nproc-per-node 8 -m mmssl_robust evaluate ENCODER PHOTOS --max-images 1000     # on 8 GPUs
"""

import argparse
from pathlib import Path

from mmssl_robust.easy.defaults import IMAGES, PROTOCOLS
from mmssl_robust.utils.arguments import integer, number
from mmssl_robust.utils.config_files import DEFENCES, configs_in
from mmssl_robust.utils.shared_arguments import add_corrupt_argument, add_launcher_arguments

SUMMARY = 'attack an encoder on a folder of images: with or without labels, with the head that it needs'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument('encoder', help='such as timm:NAME, hf:NAME, FILE.py:FUNCTION, a checkpoint, mini')
    parser.add_argument('folder', type=Path, help='images, at any depth; for classification a folder for each class')
    add_plan_arguments(parser)
    add_corrupt_argument(parser)
    parser.add_argument(
        '--out', '--work-dir', type=Path, metavar='DIR', help='folder of all that is kept; default below work_dirs'
    )
    parser.add_argument('--save-config', type=Path, metavar='FILE', help='write the config that a person would write')
    parser.add_argument('--no-report', action='store_true', help='leave out the page')
    add_launcher_arguments(parser)


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is said of an evaluation besides encoder and folder."""
    parser.add_argument(
        '--task',
        choices=tuple(IMAGES),
        default='embedding',
        help='embedding, the default, needs no labels; others get a head',
    )
    parser.add_argument('--labels', type=Path, metavar='DIR', help='label maps, or depth maps, named as the images')
    parser.add_argument(
        '--depth-scale', type=number(above=0), metavar='N', help='what a metre is in the depth maps, e.g. 1000'
    )
    parser.add_argument('--classes', nargs='+', metavar='NAME', help='names of the classes, from label 0 on')
    parser.add_argument(
        '--ignore', type=integer(0), metavar='LABEL', help='of label maps, what does not count, besides 255'
    )
    parser.add_argument(
        '--bank', type=Path, metavar='DIR', help='without labels: images to compare with, and to fit linear probes on'
    )
    parser.add_argument('--attack', nargs='+', metavar='NAME', help="presets, or files; default the task's")
    known = ', '.join(configs_in(DEFENCES))
    parser.add_argument('--defence', metavar='NAME', help=f'before the encoder: {known}, or the path of a file')
    parser.add_argument('--norm', help="linf, l2 or l1; another than the attacks' needs an --eps of its own")
    parser.add_argument('--eps', nargs='+', metavar='EPS', help='sizes, e.g. 2/255 4/255; the smaller make a curve')
    parser.add_argument('--step-size', help="of the attacks, e.g. '1/255'")
    parser.add_argument('--steps', type=integer(1), help='of the attacks')
    parser.add_argument('--restarts', type=integer(1), help='random starts of the attacks')
    parser.add_argument('--keep', help='best, last or first successful iterate of each image, at which it is done')
    defaults = ', '.join(f'{count} of {task}' for task, count in IMAGES.items())
    parser.add_argument(
        '--max-images', type=integer(1), metavar='N', help=f'attack this many, evenly spread; default {defaults}'
    )
    parser.add_argument(
        '--size', type=integer(1), metavar='PIXELS', help="shorter side; default the encoder's, at most 224"
    )
    parser.add_argument('--batch-size', type=integer(1), default=8, metavar='N', help='images at a time')
    parser.add_argument(
        '--protocol',
        choices=PROTOCOLS,
        default='quick',
        help='how heads are trained; paper: with its schedule',
    )
    parser.add_argument('--sanity', action='store_true', help='check on few images whether the attacks are believable')
    parser.add_argument('--seed', type=integer(0), default=0, help='of the split into training and test images')
