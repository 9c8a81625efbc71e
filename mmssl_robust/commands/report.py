"""Write the report of a benchmark from its records: HTML, Markdown, LaTeX, CSV, JSON and figures."""

import argparse
from contextlib import ExitStack
from pathlib import Path

from mmssl_robust.benchmark.hub_records import is_on_hub, records_at
from mmssl_robust.benchmark.report import RANKING_PAGE, write_report
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.import_file import import_file


def run(args: argparse.Namespace) -> None:
    """Write it."""
    for path in args.imports:
        import_file(path)
    several = len(args.work_dirs) > 1
    ranked = several or args.ranking
    if (several or is_on_hub(args.work_dirs[0])) and not args.out:
        raise UserError('a report of several folders, or of the Hub, belongs to none of them: give --out')
    out = args.out or Path(args.work_dirs[0]) / 'report'
    with ExitStack() as stack:
        folders = [stack.enter_context(records_at(place)) for place in args.work_dirs]
        page = write_report(folders, out, args.evolution, args.resamples, args.title, args.examples, ranked)
    print(page.with_name(RANKING_PAGE) if ranked else page)
