"""Join the records that several machines made of one suite by --shard, and write their report."""

import mmssl_robust.utils.startup  # noqa: F401

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmssl_robust.benchmark.merging import merge, shards_of
from mmssl_robust.benchmark.report import write_report
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.import_file import import_file
from mmssl_robust.utils.terminal import console
from mmssl_robust.utils.wording import counted


def check_parts(parts: Sequence[Path], work_dir: Path) -> None:
    """Refuse parts that are one folder, or that of all."""
    places = [part.resolve() for part in parts]
    for part, place in zip(parts, places):
        if place == work_dir.resolve():
            raise UserError(f'{part} is the folder of all records, no part of it: name the parts, or another folder')
        if places.count(place) > 1:
            raise UserError(f'{part} is named twice: name each part once')


def run(args: argparse.Namespace) -> None:
    """Merge, name what is missing and write the report."""
    for path in args.imports:
        import_file(path)
    parts = args.parts or shards_of(args.work_dir)
    check_parts(parts, args.work_dir)
    missing = merge(parts, args.work_dir, args.examples)
    console.print(f'{args.work_dir}: records of {counted(len(parts), "part")}', soft_wrap=True)
    for line in missing:
        console.print(f'missing: {line}', soft_wrap=True, markup=False)
    if not args.no_report:
        console.print(f'Report: {write_report(args.work_dir, args.work_dir / "report")}', soft_wrap=True)
