"""Pack an evaluation for others to believe: records, heads, what was attacked and how, and a hash of everything.

Of the images there are names and hashes alone, of paths of this machine nothing. `mmssl-robust verify` attacks some
images again and says whether the records can be believed. What it takes is described in docs/submissions.md.

Examples:
    mmssl-robust pack work_dirs/benchmark/mini -o submission.zip
    mmssl-robust pack work_dirs/evaluate/classification-mini-* -o submission.zip --with-encoders
"""

import mmssl_robust.utils.startup  # noqa: F401

import argparse
from pathlib import Path

from mmengine.logging import MMLogger

from mmssl_robust.benchmark.submission import pack
from mmssl_robust.utils.checkpoint import register_safe_loaders
from mmssl_robust.utils.import_file import import_file
from mmssl_robust.utils.terminal import console

SUMMARY = 'pack an evaluation for others to verify'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line can say."""
    parser.add_argument('work_dir', type=Path, help='as `benchmark`, `evaluate` or `compare` wrote it, finished')
    parser.add_argument(
        '-o', '--out', type=Path, required=True, metavar='FILE.zip', help='or a folder that is not there'
    )
    parser.add_argument(
        '--with-encoders', action='store_true', help='pack files of encoders too, where no name leads to them'
    )
    parser.add_argument(
        '--import', nargs='+', type=Path, default=[], dest='imports', metavar='FILE.py', help='files that define types'
    )


def run(args: argparse.Namespace) -> None:
    """Write the submission."""
    MMLogger.get_instance('pack', log_level='ERROR')
    register_safe_loaders()
    for path in args.imports:
        import_file(path)
    pack(args.work_dir, args.out, args.with_encoders, lambda words: console.print(words, soft_wrap=True, markup=False))
    size = sum(path.stat().st_size for path in ([args.out] if args.out.is_file() else args.out.rglob('*')))
    console.print(f'{args.out}: {size / 2**20:.2f} MiB', soft_wrap=True, markup=False)
