"""Try examples made against one task, or the embedding, on every other task and encoder.

The rows of a suite (see configs/benchmarks) are both sources and targets. Writes transfer.csv and a picture: each line
is an attack on a row, each column a row that is shown its images, each number the share of that row's clean prediction
that is left (100 %: it does not notice). Attacks on a row go away from its own clean prediction, not from the truth.

Examples:
    python tools/analysis_tools/transfer_matrix.py mini --max-images 8 --out work_dirs/transfer
    python tools/analysis_tools/transfer_matrix.py mini --attack embed embed-transfer --out work_dirs/transfer
    python tools/analysis_tools/transfer_matrix.py paper_table3 --data-root data --out work_dirs/transfer_nyu
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
import os
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from mmengine.logging import MMLogger

from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.resolved_row import ResolvedRow
from mmssl_robust.benchmark.row_evaluation import RowEvaluation
from mmssl_robust.benchmark.row_records import store_of
from mmssl_robust.benchmark.schema import as_csv
from mmssl_robust.benchmark.suite import Row
from mmssl_robust.benchmark.suite_files import load_suite
from mmssl_robust.benchmark.transfer import transfer
from mmssl_robust.presets import changed_all, load_presets
from mmssl_robust.utils.arguments import Parser, integer
from mmssl_robust.utils.assets import ASSETS
from mmssl_robust.utils.checkpoint import register_safe_loaders
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import check_folder, whole_file
from mmssl_robust.utils.launch import init_processes


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument('suite', help='name of a suite, or path of a suite file')
    parser.add_argument('--data-root', help='folder of the data sets; default $DATA_ROOT, for mini suites the embedded')
    parser.add_argument(
        '--heads', type=Path, default=Path('work_dirs/heads'), help='where tools/benchmark.py keeps heads'
    )
    parser.add_argument('--max-images', type=integer(1), default=8, help='of each data set')
    parser.add_argument('--attack', nargs='+', metavar='NAME', help="presets, or files, in place of the rows' own")
    parser.add_argument('--surrogate', metavar='ENCODER', help='whose embedding `transfer` attacks, by name or path')
    parser.add_argument('--perturbation', metavar='FILE', help='what `universal` adds to every image')
    parser.add_argument('--out', type=Path, required=True, help='folder for the table and the picture')
    return parser.parse_args()


def evaluation_of(row: Row, args: argparse.Namespace, device: str) -> RowEvaluation:
    """A row with its model and data, whose head must be there."""
    resolved = ResolvedRow(row, args.heads, Options(device=device))
    head = resolved.head()
    if head is None and resolved.trains_head:
        raise UserError(f'{row.name} has no head yet: run tools/benchmark.py {args.suite} --filter {row.name} first')
    return RowEvaluation(resolved, head, store_of(row, args.out))


def row_of(row: Row, args: argparse.Namespace) -> Row:
    """A row of the suite with fewer images, and with other attacks where some are named."""
    row = replace(row, max_images=args.max_images, batch_size=None)
    if args.attack is None:
        return row
    changes = dict(surrogate=args.surrogate, file=args.perturbation)
    return replace(row, attacks=changed_all(load_presets(args.attack), changes), sweeps={})


def draw(table: pd.DataFrame) -> plt.Figure:
    """The matrix as a picture, dark where little is left."""
    table = table.assign(line=table['source'] + ', ' + table['attack'])
    lines, columns = list(dict.fromkeys(table['line'])), list(dict.fromkeys(table['target']))
    matrix = 100 * table.pivot(index='line', columns='target', values='agreement').loc[lines, columns]
    figure, axes = plt.subplots(figsize=(2.5 + 0.9 * len(columns), 1.6 + 0.4 * len(lines)), layout='constrained')
    axes.imshow(matrix, cmap='cividis', vmin=0, vmax=100, aspect='auto')
    for row, values in enumerate(matrix.to_numpy()):
        for column, value in enumerate(values):
            axes.text(column, row, f'{value:.0f}', ha='center', va='center', color='black' if value > 55 else 'white')
    axes.set_xticks(range(len(columns)), columns, rotation=30, ha='right')
    axes.set_yticks(range(len(lines)), lines)
    axes.set_xlabel('shown to')
    axes.set_ylabel('made against')
    axes.set_title('% of the clean prediction that is left')
    return figure


@one_line_errors
def main() -> None:
    args = parse_args()
    if args.attack is None and (args.surrogate or args.perturbation):
        raise UserError('--surrogate and --perturbation are for --attack: name one that has them')
    check_folder(args.out, '--out')
    MMLogger.get_instance('transfer', log_level='ERROR')
    suite = load_suite(args.suite)
    if args.data_root or suite.embedded_data:
        os.environ['DATA_ROOT'] = args.data_root or str(ASSETS / 'samples')
    register_safe_loaders()
    device = init_processes('none')
    table = transfer([evaluation_of(row_of(row, args), args, device) for row in suite.rows])
    with whole_file(args.out / 'transfer.csv') as partial:
        partial.write_text(as_csv(table), encoding='utf-8')
    figure = draw(table)
    for suffix in ('.svg', '.pdf', '.png'):
        with whole_file(args.out / f'transfer{suffix}') as partial:
            figure.savefig(partial, format=suffix[1:], dpi=150)
    print(args.out / 'transfer.svg')


if __name__ == '__main__':
    main()
