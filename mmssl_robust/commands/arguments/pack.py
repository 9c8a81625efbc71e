"""Pack an evaluation for others to believe: records, heads, what was attacked and how, and a hash of everything.

Of the images there are names and hashes alone, of paths of this machine nothing. `mmssl-robust verify` attacks some
images again and says whether the records can be believed. What it takes is described in docs/submissions.md.

Examples:
    mmssl-robust pack work_dirs/benchmark/mini -o submission.zip
    mmssl-robust pack work_dirs/evaluate/classification-mini-* -o submission.zip --with-encoders
"""

import argparse
from pathlib import Path

from mmssl_robust.utils.shared_arguments import add_import_argument

SUMMARY = 'pack an evaluation for others to verify'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    parser.add_argument('work_dir', type=Path, help='as `benchmark`, `evaluate` or `compare` wrote it, finished')
    parser.add_argument(
        '-o', '--out', type=Path, required=True, metavar='FILE.zip', help='or a folder that is not there'
    )
    parser.add_argument(
        '--with-encoders', action='store_true', help='pack files of encoders too, where no name leads to them'
    )
    add_import_argument(parser, 'types')
