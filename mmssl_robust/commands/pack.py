"""Pack an evaluation for others to believe: records, heads, what was attacked and how, and a hash of everything."""

import mmssl_robust.utils.startup  # noqa: F401

import argparse

from mmengine.logging import MMLogger

from mmssl_robust.benchmark.submission import pack
from mmssl_robust.utils.checkpoint import register_safe_loaders
from mmssl_robust.utils.import_file import import_file
from mmssl_robust.utils.terminal import console


def run(args: argparse.Namespace) -> None:
    """Write the submission."""
    MMLogger.get_instance('pack', log_level='ERROR')
    register_safe_loaders()
    for path in args.imports:
        import_file(path)
    pack(args.work_dir, args.out, args.with_encoders, lambda words: console.print(words, soft_wrap=True, markup=False))
    size = sum(path.stat().st_size for path in ([args.out] if args.out.is_file() else args.out.rglob('*')))
    console.print(f'{args.out}: {size / 2**20:.2f} MiB', soft_wrap=True, markup=False)
