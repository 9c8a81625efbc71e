"""Draw what is certified of models against the radius.

Each line is a model under one smoothing, named as the folder in which `mmssl-robust certify` has put its records; the
mark at radius 0 is the model without noise.

Example:
    python tools/analysis_tools/plot_certified.py work_dirs/certified/standard work_dirs/certified/deacl --out c.png
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
from pathlib import Path

from mmssl_robust.utils.arguments import Parser
from mmssl_robust.visualization.certified import draw_certified, read_certified
from mmssl_robust.visualization.figure_files import check_figure, write_figure


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument('folders', nargs='+', type=Path, help='work dirs of certificates, of one task')
    parser.add_argument('--out', type=Path, help='the picture; default certified.png in the first folder')
    return parser.parse_args()


@one_line_errors
def main() -> None:
    args = parse_args()
    out = args.out or args.folders[0] / 'certified.png'
    check_figure(out, '--out')
    write_figure(draw_certified([read_certified(folder) for folder in args.folders]), out)
    print(out)


if __name__ == '__main__':
    main()
