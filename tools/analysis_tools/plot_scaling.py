"""Measure what the cost of an attack grows with: a picture (SVG and PNG) and the table of its numbers (CSV).

Image size, steps, batch size, classes, windows and processes are varied one at a time, the others small. Beside the
package the textbook's structure of `benchmark_attacks.py`.

Examples:
    python tools/analysis_tools/plot_scaling.py --out work_dirs/scaling
    python tools/analysis_tools/plot_scaling.py --axes windows classes --device cuda --out work_dirs/scaling
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import torch
from attack_speed.contest import Settings
from attack_speed.outcomes import machine
from attack_speed.scaling import axes_of, measure_axis, measure_processes
from mmengine.logging import MMLogger

from mmssl_robust.utils.arguments import Parser, integer, number
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import whole_file

PROCESSES = 'processes'
_LABELS = {PROCESSES: 'processes of one CPU thread (50 steps of PGD)'}
_COLOURS = dict(ours='tab:blue', textbook='tab:orange')


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    names = [*axes_of(Settings()), PROCESSES]
    parser.add_argument('--axes', nargs='+', choices=names, default=names, metavar='AXIS', help=', '.join(names))
    parser.add_argument(
        '--seconds', type=number(above=0), default=15.0, help='for each axis, where 3 repetitions take less'
    )
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--threads', type=integer(1), help='of the CPU')
    parser.add_argument('--seed', type=integer(0), default=0)
    parser.add_argument('--out', type=Path, required=True, help='folder for scaling.csv, scaling.svg and scaling.png')
    return parser.parse_args()


def measure(args: argparse.Namespace) -> pd.DataFrame:
    axes, synchronise = axes_of(Settings(args.device, seed=args.seed)), lambda: None
    if args.device.startswith('cuda'):
        synchronise = torch.cuda.synchronize
    rows = []
    for name in args.axes:
        if name == PROCESSES:
            found = measure_processes()
        else:
            found = measure_axis(axes[name], args.seed, args.seconds, synchronise)
        rows += [dict(axis=name, **row) for row in found]
        with whole_file(args.out / 'scaling.csv') as partial:
            pd.DataFrame(rows).to_csv(partial, index=False)
        print(f'{name}: done')
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, labels: dict[str, str], title: str) -> plt.Figure:
    """One panel for each axis, both scales logarithmic; bands are 10 % to 90 % of the repetitions."""
    names = list(dict.fromkeys(table['axis']))
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    figure, panels = plt.subplots(lines, columns, figsize=(4 * columns, 3 * lines), squeeze=False, layout='constrained')
    for panel in panels.flat[len(names) :]:
        panel.set_visible(False)
    for panel, name in zip(panels.flat, names):
        part = table[table['axis'] == name]
        for contender, points in part.groupby('contender', sort=False):
            colour = _COLOURS[contender]
            panel.plot(points['value'], points['seconds'], marker='o', markersize=3, color=colour, label=contender)
            panel.fill_between(points['value'], points['low'], points['high'], color=colour, alpha=0.2, linewidth=0)
        panel.set_xscale('log')
        panel.set_yscale('log')
        values = sorted(set(part['value']))
        panel.set_xticks(values, map(str, values))
        panel.xaxis.minorticks_off()
        for formatter in (panel.yaxis.set_major_formatter, panel.yaxis.set_minor_formatter):
            formatter(_seconds)
        panel.set_xlabel(labels[name], fontsize='small')
        panel.set_ylabel('seconds')
    max(panels.flat, key=lambda panel: len(panel.lines)).legend()
    figure.suptitle(title, fontsize='small')
    return figure


def _seconds(value: float, _: int) -> str:
    """A tick's label; of the many on a logarithmic scale, those of 1, 2, 3, 5 and 7 have one."""
    return f'{value:g}' if f'{value:e}'[0] in '12357' else ''


@one_line_errors
def main() -> None:
    args = parse_args()
    if args.device.startswith('cuda') and not torch.cuda.is_available():
        raise UserError('--device is cuda, but PyTorch sees no GPU: leave it out to measure the CPU')
    MMLogger.get_instance('scaling', log_level='ERROR')
    torch.set_num_threads(args.threads or torch.get_num_threads())
    if args.device.startswith('cuda'):
        torch.cuda.set_device(args.device)
    table = measure(args)
    facts = machine(args.device)
    labels = {name: axis.label for name, axis in axes_of(Settings()).items()} | _LABELS
    where = facts['cpu'] if args.device == 'cpu' else facts['device']
    plt.rcParams.update({'svg.fonttype': 'none', 'svg.hashsalt': 'mmssl_robust'})
    figure = draw(table, labels, f'{where}, {facts["threads"]} threads, torch {facts["torch"]}')
    for suffix in ('.svg', '.png'):
        with whole_file(args.out / f'scaling{suffix}') as partial:
            figure.savefig(partial, format=suffix[1:], dpi=150)
    print(args.out / 'scaling.svg')


if __name__ == '__main__':
    main()
