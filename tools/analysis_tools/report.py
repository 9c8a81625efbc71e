"""Write the report of a benchmark from its records: HTML, Markdown, LaTeX, CSV, JSON and figures.

No model is loaded, and neither PyTorch nor OpenMMLab is needed.

Example:
    python tools/analysis_tools/report.py work_dirs/benchmark/mini
"""

import argparse
from pathlib import Path

from mmssl_robust.benchmark.report import write_report
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.import_file import import_file
from mmssl_robust.utils.terminal import one_line_errors


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dir', type=Path, help='folder of tools/benchmark.py')
    parser.add_argument('--out', type=Path, help='folder of the report; default WORK_DIR/report')
    parser.add_argument('--title', help="in place of the suite's")
    parser.add_argument('--evolution', type=Path, help="folder of a DeACL training with probes: the paper's figure 2")
    parser.add_argument('--resamples', type=int, default=10000, help='of the bootstrap')
    parser.add_argument('--examples', type=int, default=2, help='most and least robust images of each row and attack')
    parser.add_argument(
        '--import', nargs='+', type=Path, default=[], dest='imports', metavar='FILE.py', help='files that define tasks'
    )
    return parser.parse_args()


@one_line_errors
def main() -> None:
    args = parse_args()
    if args.resamples < 1 or args.examples < 0:
        raise UserError('--resamples must be at least 1, --examples at least 0')
    for path in args.imports:
        import_file(path)
    out = args.out or args.work_dir / 'report'
    print(write_report(args.work_dir, out, args.evolution, args.resamples, args.title, args.examples))


if __name__ == '__main__':
    main()
