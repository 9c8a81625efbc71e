"""Join the records that several machines made of one suite by --shard, and write their report.

What differs in anything that records depend on is refused. What is missing is named, and may be added later by the
same command.

Examples:
    mmssl-robust merge work_dirs/benchmark/paper
    mmssl-robust merge work_dirs/benchmark/paper --from /mnt/one/shards/1-of-2 /mnt/other/shards/2-of-2
    mmssl-robust merge work_dirs/benchmark/my_suite --import my_task.py
"""

import argparse
from pathlib import Path

from mmssl_robust.utils.arguments import integer
from mmssl_robust.utils.shared_arguments import add_import_argument

SUMMARY = 'join the records that several machines made of one suite'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    parser.add_argument('work_dir', type=Path, help='folder of all records, the --work-dir of the parts')
    parser.add_argument(
        '--from', nargs='+', type=Path, dest='parts', metavar='DIR', help='the parts; default those in WORK_DIR/shards'
    )
    parser.add_argument(
        '--examples', type=integer(0), default=4, help='most and least robust images to keep for each attack'
    )
    add_import_argument(parser)
    parser.add_argument('--no-report', action='store_true', help='leave the report to `mmssl-robust report`')
