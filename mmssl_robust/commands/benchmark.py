"""Run a benchmark: every row of a suite, clean and under each attack, and its report."""

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
from mmssl_robust.benchmark.smaller import chosen_rows, smaller
from mmssl_robust.benchmark.suite import Suite
from mmssl_robust.benchmark.suite_files import load_suite
from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.checkpoint import register_safe_loaders
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import check_folder
from mmssl_robust.utils.launch import init_processes, leave_process_group
from mmssl_robust.utils.stopping import going_on_later
from mmssl_robust.utils.terminal import console

from .cost_table import show_costs
from .log_to import ScalarLog


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
