"""Push an encoder, a head or records to the Hugging Face Hub, from where hf:// reads them."""

import mmssl_robust.utils.startup  # noqa: F401

import argparse

from mmengine.logging import MMLogger

from mmssl_robust.publishing import push
from mmssl_robust.utils.checkpoint import register_safe_loaders
from mmssl_robust.utils.import_file import import_file
from mmssl_robust.utils.terminal import console


def run(args: argparse.Namespace) -> None:
    """Push, and say where it is."""
    MMLogger.get_instance('push', log_level='ERROR')
    register_safe_loaders()
    for path in args.imports:
        import_file(path)
    place = push(
        args.source,
        args.target,
        licence=args.license,
        trained=args.trained,
        results=args.results,
        private=args.private,
        update=args.update,
        dry_run=args.dry_run,
    )
    console.print(f'{args.target}, not uploaded: {place}' if args.dry_run else place, soft_wrap=True, markup=False)
