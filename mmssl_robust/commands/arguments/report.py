"""Write the report of a benchmark from its records: HTML, Markdown, LaTeX, CSV, JSON and figures.

No model is loaded, and neither PyTorch nor OpenMMLab is needed.

Rows of several folders are joined where their records can be compared (same images, same attacks), and their models
ranked.

Examples:
    mmssl-robust report work_dirs/benchmark/mini
    mmssl-robust report work_dirs/evaluate/classification-mini-* --out work_dirs/all
    mmssl-robust report work_dirs/benchmark/mini hf://datasets/OWNER/NAME --out work_dirs/all
"""

import argparse
from pathlib import Path

from mmssl_robust.utils.arguments import integer
from mmssl_robust.utils.shared_arguments import add_import_argument

SUMMARY = 'write the report of a benchmark from its records'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    parser.add_argument(
        'work_dirs',
        nargs='+',
        metavar='WORK_DIR',
        help='--work-dir of a benchmark, or hf://datasets/OWNER/NAME; several are joined and ranked',
    )
    parser.add_argument('--out', type=Path, help='folder of the report; default WORK_DIR/report, of several no default')
    parser.add_argument('--ranking', action='store_true', help='rank the encoders of a single folder, too')
    parser.add_argument('--title', help="in place of the suite's")
    parser.add_argument('--evolution', type=Path, help="folder of a DeACL training with probes: the paper's figure 2")
    parser.add_argument('--resamples', type=integer(1), default=10000, help='of the bootstrap')
    parser.add_argument(
        '--examples', type=integer(0), default=2, help='most and least robust images of each row and attack'
    )
    add_import_argument(parser)
