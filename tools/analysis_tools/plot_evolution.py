"""Draw how robustness evolves during adversarial fine-tuning, from the logs of a run with probes.

Writes the figure and a CSV file with its numbers, and prints the first and the last epoch.

Example:
    python tools/analysis_tools/plot_evolution.py work_dirs/dino_mini
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
import csv
from pathlib import Path

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from mmssl_robust.utils.arguments import Parser
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import whole_file
from mmssl_robust.utils.terminal import console
from mmssl_robust.visualization.evolution import Point, curves_of, draw_evolution, read_evolution
from mmssl_robust.visualization.figure_files import check_ending, write_figure


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument('work_dir', type=Path, help='folder of the run, with its TIMESTAMP folders')
    parser.add_argument('--out', type=Path, help='figure, .png, .pdf or .svg; default WORK_DIR/evolution.png')
    parser.add_argument('--csv', type=Path, help='numbers of the figure; default beside the figure, with suffix .csv')
    return parser.parse_args()


def write_csv(points: list[Point], path: Path) -> None:
    with whole_file(path) as partial, partial.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(Point._fields)
        writer.writerows(points)


def table_of(points: list[Point]) -> Table:
    table = Table(
        title='First and last epoch', caption='Value @ epoch. For RMSE, lower is better.', box=SIMPLE, pad_edge=False
    )
    for column in ('data', 'attack', 'metric', 'first', 'last', 'change'):
        table.add_column(column, justify='left' if column in ('data', 'attack', 'metric') else 'right', no_wrap=True)
    for curve, line in curves_of(points).items():
        decimals = 3 if curve.metric == 'rmse' else 2  # metres, or percentages
        ends = [f'{point.value:.{decimals}f} @ {point.epoch}' for point in (line[0], line[-1])]
        change = f'{line[-1].value - line[0].value:+.{decimals}f}'
        table.add_row(escape(curve.data), escape(curve.attack), curve.metric, *ends, change)
    return table


@one_line_errors
def main() -> None:
    args = parse_args()
    out = args.out or args.work_dir / 'evolution.png'
    check_ending(out, '--out')
    numbers = args.csv or out.with_suffix('.csv')
    if numbers == out:
        raise UserError(f'--out and --csv are the same file: {out}')
    points = read_evolution(args.work_dir)
    write_figure(draw_evolution(points), out)
    write_csv(points, numbers)
    console.print(table_of(points))
    print(out, numbers, sep='\n')


if __name__ == '__main__':
    main()
