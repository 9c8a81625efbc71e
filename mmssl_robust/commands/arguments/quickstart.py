"""Robustness of the embedded mini encoders, standard and robust, on three tasks: minutes on two CPU cores.

Runs `mmssl-robust test` on the embedded photographs: clean, EmbedAttack and the task's own attack.

Example:
    mmssl-robust quickstart --out work_dirs/quickstart
"""

import argparse
from pathlib import Path

from mmssl_robust.utils.arguments import integer

SUMMARY = 'attack the embedded mini encoders on three tasks, in minutes'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    parser.add_argument('--out', type=Path, default=Path('work_dirs/quickstart'), help='folder for JSON and pictures')
    parser.add_argument('--steps', type=integer(1), default=10, help='attack steps')
    parser.add_argument('--images', type=integer(1), help='images for each task at most')
    parser.add_argument('--show-images', type=integer(1), default=4, help='pictures for each task')
