"""List what there is by name.

Examples:
    mmssl-robust list suites
    mmssl-robust list configs
"""

import argparse

from ..listing import KINDS

SUMMARY = 'list encoders, attacks, suites, configs or data sets'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    parser.add_argument('kind', choices=KINDS)
