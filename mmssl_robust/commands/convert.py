"""Convert a downloaded data set to what the configs read, or a checkpoint to what another program reads.

Examples:
    mmssl-robust convert ade20k ADEChallengeData2016.zip data
    mmssl-robust convert encoder work_dirs/deacl/epoch_50.pth encoder.safetensors --layout timm
"""

import argparse
import importlib

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.names import nearest

from .main import parser_of, summaries

SUMMARY = 'convert a data set or a checkpoint'
CONVERTERS = {name: name for name in ('ade20k', 'cityscapes', 'nyu', 'stl10', 'voc_aug', 'encoder', 'safetensors')}
"""What is typed -> its module in ``converters/``."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to convert; the converter itself takes the rest."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f'what:\n{summaries(CONVERTERS, "converters")}'
    parser.add_argument('what', help='one of those below, each with a --help of its own')
    parser.add_argument('arguments', nargs=argparse.REMAINDER, help='of the converter')


def run(args: argparse.Namespace) -> None:
    """Run a converter.

    Raises:
        UserError: If there is no such converter, or it cannot go on.
    """
    if args.what not in CONVERTERS:
        raise UserError(f'unknown converter {args.what!r}{nearest(args.what, CONVERTERS)}')
    module = importlib.import_module(f'{__package__}.converters.{CONVERTERS[args.what]}')
    module.run(parser_of(module, f'mmssl-robust convert {args.what}').parse_args(args.arguments))
