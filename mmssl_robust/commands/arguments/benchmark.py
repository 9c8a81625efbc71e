"""Run a benchmark: every row of a suite, clean and under each attack, and its report.

A suite is a file in configs/benchmarks: paper_table1, paper_table2, paper_table3, paper_figure2, paper, mini, or one
of your own. Heads that are missing are trained. Records are written as they come: after Ctrl-C or a kill the same
command goes on where it stopped, and costs nothing once all is there.

Examples:
    mmssl-robust benchmark mini
    mmssl-robust benchmark mini --max-images 4
    mmssl-robust benchmark paper_table1 --data-root data --dry-run
    mmssl-robust benchmark paper_table1 --filter 'dino_vitb16_*' --max-images 1000 --work-dir work_dirs/quick
    mmssl-robust benchmark paper --shard 3/16     # a sixteenth of every row; then: mmssl-robust merge
    bash tools/dist_benchmark.sh paper 8
"""

import argparse
from pathlib import Path

from mmssl_robust.benchmark.shard import Shard
from mmssl_robust.utils.arguments import integer, number
from mmssl_robust.utils.shared_arguments import (
    add_corrupt_argument,
    add_engine_arguments,
    add_launcher_arguments,
    add_log_argument,
)

SUMMARY = 'run a suite: every row clean and under each attack, and its report'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    parser.add_argument('suite', help='name of a suite, or path of a suite file')
    parser.add_argument(
        '--data-root', help='folder of the data sets; default $DATA_ROOT, for the mini suites the embedded ones'
    )
    parser.add_argument('--work-dir', type=Path, help='folder of records and report; default work_dirs/benchmark/SUITE')
    parser.add_argument('--heads', type=Path, default=Path('work_dirs/heads'), help='folder of heads that it trains')
    parser.add_argument('--filter', nargs='+', metavar='PATTERN', help="rows to run by name, such as '*cifar10*'")
    parser.add_argument(
        '--max-images',
        type=integer(1),
        help='take this many of each data set, evenly spread; below 16 without sweeps and sanity checks',
    )
    parser.add_argument('--no-sweeps', action='store_true', help='leave out the curves over eps, steps, ...')
    parser.add_argument('--no-sanity', action='store_true', help='leave out the checks whether attacks are believable')
    parser.add_argument('--batch-size', type=integer(1), help='images at a time')
    add_engine_arguments(parser)
    add_corrupt_argument(parser)
    parser.add_argument(
        '--examples', type=integer(0), default=4, help='most and least robust images to keep for each attack'
    )
    parser.add_argument('--dry-run', action='store_true', help='say what would run and what it would cost')
    parser.add_argument(
        '--tflops', type=number(above=0), help='rate in 10^12 operations a second that --dry-run should assume'
    )
    parser.add_argument(
        '--rate-from', type=Path, metavar='DIR', help='for --dry-run: the rate that this work dir reached'
    )
    parser.add_argument('--no-report', action='store_true', help='leave the report to `mmssl-robust report`')
    parser.add_argument(
        '--shard',
        type=Shard.parse,
        default=Shard(),
        metavar='I/N',
        help='make the I-th of N parts of the batches, 1 to N, in WORK_DIR/shards; `mmssl-robust merge` joins them',
    )
    parser.add_argument('--only-heads', action='store_true', help='train the heads that are missing, attack nothing')
    add_log_argument(parser)
    add_launcher_arguments(parser)
