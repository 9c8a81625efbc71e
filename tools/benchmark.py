"""Run a benchmark: every row of a suite, clean and under each attack, and its report.

A suite is a file in configs/benchmarks: paper_table1, paper_table2, paper_table3, paper_figure2, paper, mini, or one
of your own. Heads that are missing are trained. Records are written as they come: after Ctrl-C or a kill the same
command goes on where it stopped, and costs nothing once all is there.

Examples:
    python tools/benchmark.py mini
    python tools/benchmark.py paper_table1 --data-root data --dry-run
    python tools/benchmark.py paper_table1 --filter 'dino_vitb16_*' --max-images 1000 --work-dir work_dirs/quick
    bash tools/dist_benchmark.sh paper 8
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
import fnmatch
import itertools
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import torch
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from rich.box import SIMPLE
from rich.table import Table

from mmssl_robust.benchmark.cost import RowCost, measured_rate, row_cost
from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.suite import Row, Suite, read_suite
from mmssl_robust.benchmark.suite_files import load_suite
from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.checkpoint import register_safe_loaders
from mmssl_robust.utils.cli import add_engine_arguments, add_launcher_arguments, leave_process_group
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.launch import init_processes
from mmssl_robust.utils.terminal import console


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('suite', help='name of a suite, or path of a suite file')
    parser.add_argument(
        '--data-root', help='folder of the data sets; default $DATA_ROOT, for the mini suites the embedded ones'
    )
    parser.add_argument('--work-dir', type=Path, help='folder of records and report; default work_dirs/benchmark/SUITE')
    parser.add_argument('--heads', type=Path, default=Path('work_dirs/heads'), help='folder of heads that it trains')
    parser.add_argument('--filter', nargs='+', metavar='PATTERN', help="rows to run by name, such as '*cifar10*'")
    parser.add_argument('--max-images', type=int, help='take this many of each data set, evenly spread')
    parser.add_argument('--batch-size', type=int, help='images at a time')
    add_engine_arguments(parser)
    parser.add_argument('--on-corrupt', choices=('fail', 'skip'), default='fail', help='what a damaged file does')
    parser.add_argument('--examples', type=int, default=4, help='most and least robust images to keep for each attack')
    parser.add_argument('--dry-run', action='store_true', help='say what would run and what it would cost')
    parser.add_argument('--tflops', type=float, help='rate in 10^12 operations a second that --dry-run should assume')
    parser.add_argument(
        '--rate-from', type=Path, metavar='DIR', help='for --dry-run: the rate that this work dir reached'
    )
    parser.add_argument('--no-report', action='store_true', help='leave the report to tools/analysis_tools/report.py')
    add_launcher_arguments(parser)
    return parser.parse_args()


def use_data_root(args: argparse.Namespace, suite: Suite) -> None:
    """Tell the configs, which read DATA_ROOT, where the data is."""
    if args.data_root or suite.embedded_data:
        os.environ['DATA_ROOT'] = args.data_root or str(ASSETS / 'samples')


def check_numbers(args: argparse.Namespace) -> None:
    """Find numbers that mean nothing."""
    for name, least in (('max_images', 1), ('batch_size', 1), ('examples', 0)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise UserError(f'--{name.replace("_", "-")} is {value}: it must be at least {least}')
    if args.tflops is not None and not args.tflops > 0:
        raise UserError(f'--tflops is {args.tflops:g}: it must be above 0')


def changed_suite(args: argparse.Namespace) -> Suite:
    """The suite with what the command line changes."""
    suite = load_suite(args.suite)
    changes = {name: getattr(args, name) for name in ('max_images', 'batch_size') if getattr(args, name) is not None}
    rows = tuple(replace(row, **changes) for row in suite.rows)
    return replace(suite, rows=rows, command=shlex.join(['python', 'tools/benchmark.py', *sys.argv[1:]]))


def chosen_rows(suite: Suite, patterns: list[str] | None) -> list[Row]:
    """The rows that ``--filter`` names."""
    patterns = patterns or ['*']
    rows = [row for row in suite.rows if any(fnmatch.fnmatch(row.name, pattern) for pattern in patterns)]
    if not rows:
        names = ', '.join(row.name for row in suite.rows)
        raise UserError(f'no row of {suite.name} is called {" or ".join(patterns)}: there are {names}')
    return rows


def cost_table(costs: list[RowCost], tflops: float | None, measured: float | None) -> Table:
    """What is left to do, row by row."""
    rate = tflops * 1e12 if tflops else measured
    caption = 'Evaluations are images x (clean and each attack); head: TFLOP to train one or fill its bank.'
    if tflops:
        caption += f' Hours at {tflops:g} TFLOP/s, as given.'
    elif measured:
        caption += f' Hours at {measured / 1e9:.0f} GFLOP/s, as measured.'
    else:
        caption += (
            ' No hours before something is measured: run with --max-images 8 --work-dir DIR first and give '
            '--rate-from DIR, or give --tflops.'
        )
    table = Table(title='What is left to do', caption=caption, box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ('row', 'images', 'done', 'to do', 'TFLOP', 'head', 'hours'):
        table.add_column(column, justify='left' if column == 'row' else 'right', overflow='fold')
    for item in costs:
        if item.problem:
            table.add_row(item.row.name, *['-'] * 6)
            continue
        hours = f'{(item.flops + item.flops_head) / rate / 3600:.2f}' if rate else '-'
        numbers = (str(number) for number in (item.images, item.done, item.todo))
        table.add_row(item.row.name, *numbers, _tera(item.flops), _tera(item.flops_head), hours)
    total = sum(item.flops + item.flops_head for item in costs)
    if rate:
        table.add_section()
        table.add_row('all', '', '', '', f'{total / 1e12:.0f}', 'both', f'{total / rate / 3600:.1f}')
    return table


def _tera(operations: float) -> str:
    number = operations / 1e12
    return f'{number:.0f}' if number >= 100 else f'{number:.1f}'


def show_costs(args: argparse.Namespace, rows: list[Row], work_dir: Path, options: Options) -> None:
    """Print what is left to do, and of which rows nothing can be said."""
    costs = [row_cost(row, work_dir, args.heads, options) for row in rows]
    measured = costs
    if args.rate_from:
        # What is recorded there need not be what the options here would make.
        known = read_suite(args.rate_from).rows
        measured = [row_cost(row, args.rate_from, args.heads, options, compare=False) for row in known]
    console.print(cost_table(costs, args.tflops, measured_rate(measured)))
    for problem, items in itertools.groupby(costs, key=lambda item: item.problem):
        if problem:
            console.print(f'{", ".join(item.row.name for item in items)}: {problem}', soft_wrap=True, markup=False)


@one_line_errors
def main() -> None:
    args = parse_args()
    # MMEngine would tell of each config that it reads DATA_ROOT, and of each metric that it has no prefix.
    MMLogger.get_instance('benchmark', log_level='ERROR')
    check_numbers(args)
    suite = changed_suite(args)
    rows = chosen_rows(suite, args.filter)
    use_data_root(args, suite)
    work_dir = args.work_dir or Path('work_dirs/benchmark') / suite.name
    register_safe_loaders()
    if args.dry_run:
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
        show_costs(args, rows, work_dir, Options(args.precision, device=device))
        return
    device = init_processes(args.launcher)
    options = Options(args.precision, args.on_corrupt, args.examples, device, args.attack_memory)
    run = SuiteRun(suite, work_dir, args.heads, options, args.launcher, rows)
    run.check()
    try:
        run.run()
        if is_main_process() and not args.no_report:
            page = write_report(work_dir, work_dir / 'report')
            console.print(f'Report: {page}', soft_wrap=True)
    except KeyboardInterrupt:
        raise UserError('stopped: the same command goes on from here') from None
    leave_process_group()


if __name__ == '__main__':
    main()
