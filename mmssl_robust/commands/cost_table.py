"""What is left of a suite to do, and what it would cost."""

import itertools
from pathlib import Path

from rich.box import SIMPLE
from rich.table import Table

from mmssl_robust.benchmark.cost import RowCost, measured_rate, row_cost
from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.suite import SUITE_FILE, Row, read_suite
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.terminal import console


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


def show_costs(
    rows: list[Row], work_dir: Path, heads: Path, options: Options, rate_from: Path | None, tflops: float | None
) -> None:
    """Print what is left to do, and of which rows nothing can be said.

    Args:
        rows: Those to run.
        work_dir: Folder of their records.
        heads: Folder of trained heads.
        options: How they are run.
        rate_from: A work dir that says how fast this machine is.
        tflops: How fast it is, in 10^12 operations a second.
    """
    costs = [row_cost(row, work_dir, heads, options) for row in rows]
    measured = costs
    if rate_from:
        # What is recorded there need not be what the options here would make.
        if not (rate_from / SUITE_FILE).is_file():
            raise UserError(f'--rate-from {rate_from} holds no records: give the --work-dir of a benchmark that ran')
        known = read_suite(rate_from).rows
        measured = [row_cost(row, rate_from, heads, options, compare=False) for row in known]
    console.print(cost_table(costs, tflops, measured_rate(measured)))
    for problem, items in itertools.groupby(costs, key=lambda item: item.problem):
        if problem:
            console.print(f'{", ".join(item.row.name for item in items)}: {problem}', soft_wrap=True, markup=False)
