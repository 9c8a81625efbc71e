"""Say whether the records of a submission can be believed: check them, and attack a few images again.

Nothing that a submission names is run as a program: the model is built from data, of known parts. DATA is your copy of
the images, found by name and hash. Ends with exit code 0 if all rows are believable, with 1 otherwise, and with 2 if it
is no submission. The images are drawn by a seed that who made the records cannot know; it is printed.

Examples:
    mmssl-robust verify submission.zip DATA
    mmssl-robust verify hf://datasets/OWNER/NAME DATA
    mmssl-robust verify submission.zip IMAGES LABELS --images 50 --seed 7 --json verdict.json
    mmssl-robust verify submission.zip DATA --encoder my_encoder.pth --steps 0
"""

import argparse
from pathlib import Path

from mmssl_robust.utils.arguments import integer, number
from mmssl_robust.utils.shared_arguments import add_import_argument

SUMMARY = 'say whether the records of a submission can be believed'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    parser.add_argument(
        'submission', help='a zip file or folder that `mmssl-robust pack` wrote, or hf://datasets/OWNER/NAME'
    )
    parser.add_argument('data', nargs='+', type=Path, metavar='DATA', help='folders of your images and their labels')
    parser.add_argument(
        '--images', type=integer(1), default=8, metavar='N', help='how many of each row are attacked again'
    )
    parser.add_argument('--seed', type=integer(0), help='of the draw of these; default one that nobody knows')
    parser.add_argument(
        '--steps',
        type=integer(0),
        default=20,
        help='of the stronger attack on those that are called robust; 0 for none',
    )
    parser.add_argument(
        '--encoder', nargs='+', default=[], metavar='SPEC', help='files or specs of encoders, told by their hash'
    )
    parser.add_argument('--trust-code', action='store_true', help='run programs and unknown types that it names')
    add_import_argument(parser, 'types')
    parser.add_argument(
        '--max-gib', type=number(above=0), default=4, metavar='GIB', help='what a zip file may unpack to'
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write what was found')
