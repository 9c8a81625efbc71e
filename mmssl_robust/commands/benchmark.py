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

import mmssl_robust.utils.startup  # noqa: F401

import argparse
import os
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.logging import MMLogger

from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.benchmark.results import numbers_of
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.shard import Shard
from mmssl_robust.benchmark.smaller import chosen_rows, smaller
from mmssl_robust.benchmark.suite import Suite
from mmssl_robust.benchmark.suite_files import load_suite
from mmssl_robust.utils.arguments import integer, number
from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.checkpoint import register_safe_loaders
from mmssl_robust.utils.cli import add_engine_arguments, add_launcher_arguments
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import check_folder
from mmssl_robust.utils.launch import init_processes, leave_process_group
from mmssl_robust.utils.stopping import going_on_later
from mmssl_robust.utils.terminal import console

from .cost_table import show_costs
from .log_to import ScalarLog, add_log_argument

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
    parser.add_argument('--on-corrupt', choices=('fail', 'skip'), default='fail', help='what a damaged file does')
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


def use_data_root(args: argparse.Namespace, suite: Suite) -> None:
    """Tell the configs, which read DATA_ROOT, where the data is."""
    if args.data_root or suite.embedded_data:
        os.environ['DATA_ROOT'] = args.data_root or str(ASSETS / 'samples')


def attack_all(suite_run: SuiteRun, log: ScalarLog) -> None:
    """Run the rows, and log the numbers of each when it is done."""
    suite_run.begin()
    for row in suite_run.chosen:
        suite_run.run_row(row)
        if is_main_process():
            log.add(numbers_of(row, suite_run.work_dir))
    log.close()


def run(args: argparse.Namespace) -> None:
    """Say what it would cost, train heads, or attack and write the report."""
    # MMEngine would tell of each config that it reads DATA_ROOT, and of each metric that it has no prefix.
    MMLogger.get_instance('benchmark', log_level='ERROR')
    suite = smaller(load_suite(args.suite), args.max_images, args.batch_size, args.no_sweeps, args.no_sanity)
    suite = suite.made_by(args.command_line)
    rows = chosen_rows(suite, args.filter)
    use_data_root(args, suite)
    work_dir = args.shard.folder(args.work_dir or Path('work_dirs/benchmark') / suite.name)
    register_safe_loaders()
    if args.data_root and not os.path.isdir(args.data_root):
        raise UserError(f'--data-root {args.data_root} is no folder: give that of the data sets')
    if work_dir.exists() and not work_dir.is_dir():
        raise UserError(f'--work-dir {work_dir} is no folder: give another place')
    if args.dry_run:
        options = Options(args.precision, device=init_processes('none'))
        show_costs(rows, work_dir, args.heads, options, args.rate_from, args.tflops)
        return
    for folder, name in ((work_dir, '--work-dir'), (args.heads, '--heads')):
        check_folder(folder, name)
    device = init_processes(args.launcher)
    options = Options(args.precision, args.on_corrupt, args.examples, device, args.attack_memory, args.shard)
    suite_run = SuiteRun(suite, work_dir, args.heads, options, args.launcher, rows)
    with going_on_later():
        if args.only_heads:
            suite_run.train_heads()
            return
        suite_run.check()
        log = ScalarLog(args.log_to if is_main_process() else [], work_dir / 'logs')
        attack_all(suite_run, log)
        if is_main_process() and not args.no_report and not args.shard.is_part:
            page = write_report(work_dir, work_dir / 'report')
            console.print(f'Report: {page}', soft_wrap=True)
    leave_process_group()
