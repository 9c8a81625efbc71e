"""Convert a downloaded data set to what the configs read, or a checkpoint to what another program reads.

Examples:
    mmssl-robust convert ade20k ADEChallengeData2016.zip data
    mmssl-robust convert encoder work_dirs/deacl/epoch_50.pth encoder.safetensors --layout timm
"""

import argparse

from ..convert import CONVERTERS
from ..main import summaries

SUMMARY = 'convert a data set or a checkpoint'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to convert; the converter itself takes the rest."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f'what:\n{summaries(CONVERTERS, "converters")}'
    parser.add_argument('what', help='one of those below, each with a --help of its own')
    parser.add_argument('arguments', nargs=argparse.REMAINDER, help='of the converter')
