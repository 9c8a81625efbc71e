"""Arguments that several commands and tools have; it needs no PyTorch, so that help is quick."""

import argparse
import os
from pathlib import Path

from .cfg_options import Options
from .choices import LAUNCHERS, LOG_TO, PRECISIONS


def started_by() -> str:
    """What started this process, where that is certain: torchrun says so, others must be named."""
    return 'pytorch' if 'TORCHELASTIC_RUN_ID' in os.environ else 'none'


def add_common_arguments(parser: argparse.ArgumentParser, work_dir: str = 'work_dirs/CONFIG_NAME') -> None:
    """Add the arguments that OpenMMLab users expect of every tool that builds a Runner.

    Args:
        parser: Of the tool.
        work_dir: The default of ``--work-dir``, in words.
    """
    parser.add_argument('config', help='path of the config file')
    parser.add_argument('--work-dir', help=f'folder for what is written; default {work_dir}')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=Options,
        default={},
        metavar='KEY=VALUE',
        help='change settings of the config, e.g. train_cfg.max_epochs=2 or a.b="[1,2]"',
    )
    add_launcher_arguments(parser)


def add_launcher_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what tells a process how it was started beside others."""
    words = 'how the processes were started; torchrun is noticed'
    parser.add_argument('--launcher', choices=LAUNCHERS, default=started_by(), help=words)
    # torch.distributed.launch passes it; torchrun sets LOCAL_RANK itself.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def add_import_argument(parser: argparse.ArgumentParser, what: str = 'tasks') -> None:
    """Add ``--import``: records name a task or a type of one's own, and never the file that is to be run for it."""
    parser.add_argument(
        '--import',
        nargs='+',
        type=Path,
        default=[],
        dest='imports',
        metavar='FILE.py',
        help=f'files that define {what}',
    )


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add in what precision and in how much memory examples are made."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        '--precision',
        choices=PRECISIONS,
        default='fp32',
        help='in which examples are made; they are scored in fp32. fast-fp32: as exact, on a CPU by oneDNN',
    )
    group.add_argument('--amp', dest='precision', action='store_const', const='bf16', help='--precision bf16')
    parser.add_argument(
        '--attack-memory',
        metavar='SIZE',
        help="for activations of windows, e.g. '2GB'; more of them are computed twice (default: a quarter of all)",
    )


def add_checkpoint_argument(parser: argparse.ArgumentParser) -> None:
    """Add the weights of the model that a config describes."""
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='path or URL of the weights; a head alone if the config has the encoder; none if its head has no weights',
    )


def add_weights_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--weights``."""
    parser.add_argument(
        '--weights',
        choices=('ema', 'raw'),
        help='of a checkpoint with both, by default their average over the training',
    )


def add_corrupt_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--on-corrupt``, of what reads each image once."""
    parser.add_argument('--on-corrupt', choices=('fail', 'skip'), default='fail', help='what a damaged file does')


def add_log_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--log-to``."""
    parser.add_argument('--log-to', nargs='+', choices=LOG_TO, default=[], help='where to log besides files')
