"""Evaluate several encoders on the same images under the same attacks, and rank them."""

import mmssl_robust.utils.startup  # noqa: F401

import argparse
import hashlib
from pathlib import Path

import pandas as pd
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from rich.box import SIMPLE
from rich.table import Table

from mmssl_robust.benchmark.embedding_transfer import transfer_embeddings
from mmssl_robust.benchmark.options import Options
from mmssl_robust.benchmark.ranking import Ranking, ranking_of
from mmssl_robust.benchmark.report import RANKING_PAGE, write_report
from mmssl_robust.benchmark.row_records import read_rows
from mmssl_robust.benchmark.run import SuiteRun
from mmssl_robust.benchmark.smaller import smaller
from mmssl_robust.benchmark.statistics import Estimate
from mmssl_robust.benchmark.suite import Suite
from mmssl_robust.benchmark.suite_files import load_suite
from mmssl_robust.benchmark.transfers import transfers_of
from mmssl_robust.easy.comparison import rows_of_plans, rows_of_suite, specs_of
from mmssl_robust.easy.runs import name_of
from mmssl_robust.utils.checkpoint import register_safe_loaders
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.launch import init_processes, leave_process_group
from mmssl_robust.utils.slug import slug
from mmssl_robust.utils.stopping import going_on_later
from mmssl_robust.utils.terminal import console

from .arguments.evaluate import add_plan_arguments
from .benchmark import use_data_root
from .evaluate import plan_of, say

_OF_SUITES = ('max_images', 'sanity')  # of the arguments of a plan


def run(args: argparse.Namespace) -> None:
    """Evaluate, print the ranking, write the report.

    Raises:
        UserError: If something does not fit; says what to do.
    """
    MMLogger.get_instance('compare', log_level='ERROR')
    specs = specs_of(args.encoders)
    register_safe_loaders()
    options = Options(on_corrupt=args.on_corrupt, device=init_processes(args.launcher))
    main = is_main_process()
    suite, out = _of_suite(args, specs) if args.suite else _of_folder(args, specs)
    suite_run = SuiteRun(suite.made_by(args.command_line), out, args.heads, options, args.launcher)
    with going_on_later():
        suite_run.check()
        suite_run.run()
        leave_process_group()
        if not main:
            return
        if _is_unlabelled(suite):
            transfer_embeddings(suite_run)
    rows = read_rows(out)[1]
    ranking = ranking_of(rows)
    console.print(_shown(ranking))
    for contest in ranking.contests:
        if not contest.is_scored:
            say(f'{contest.name} does not count: {contest.why_unscored}')
    if _is_unlabelled(suite):
        console.print(_shown_transfers(transfers_of(rows)))
    page = write_report(out, out / 'report', ranking=True).with_name(RANKING_PAGE)
    say(f'Ranking: {page}')


def _of_suite(args: argparse.Namespace, specs: list[str]) -> tuple[Suite, Path]:
    given = _given(args)
    if given:
        raise UserError(f'--{given[0].replace("_", "-")} is for --images: a suite says that itself')
    suite = smaller(load_suite(args.suite), args.max_images, no_sweeps=True, no_sanity=not args.sanity)
    use_data_root(args, suite)
    rows = rows_of_suite(suite, specs)
    trained = [row.encoder for row in rows if row.head is None]
    if trained and suite.embedded_data and not args.data_root:
        say(
            f'the head of {trained[0]} is trained on the few photographs that ship with the package, '
            'too few to rank by: give --data-root for the whole data sets'
        )
    name = f'{suite.name}-{_digest([*specs, str(args.max_images), str(args.data_root)])}'
    title = f'{len(specs)} encoders, suite {suite.name}'
    return Suite(suite.name, title, rows), args.out or Path('work_dirs/compare') / name


def _of_folder(args: argparse.Namespace, specs: list[str]) -> tuple[Suite, Path]:
    if args.data_root:
        raise UserError('--data-root is for --suite: leave it out')
    plans = [plan_of(args, spec, args.images) for spec in specs]
    data = name_of(args.images)
    digest = _digest([plan.identity for plan in plans])
    out = args.out or Path('work_dirs/compare') / f'{args.task}-{slug(data)}-{digest}'
    rows = rows_of_plans(plans, out, say)
    return Suite(out.name, f'{len(specs)} encoders on {data}: {args.task}', rows), out


def _is_unlabelled(suite: Suite) -> bool:
    return all(row.task == 'embedding' for row in suite.rows)


def _given(args: argparse.Namespace) -> list[str]:
    """Arguments of a plan that were given and that a suite does not take."""
    parser = argparse.ArgumentParser()
    add_plan_arguments(parser)
    defaults = vars(parser.parse_args([]))
    return [name for name, value in defaults.items() if getattr(args, name) != value and name not in _OF_SUITES]


def _digest(words: list[str]) -> str:
    return hashlib.sha256('\n'.join(words).encode()).hexdigest()[:6]


def _shown(ranking: Ranking) -> Table:
    """For a terminal: skills under attack with their intervals, best first."""
    table = Table(title='Skill under attack: 1 the best clean model, 0 chance', box=SIMPLE, pad_edge=False)
    scored = [contest for contest in ranking.contests if contest.is_scored]
    columns = {contest.name: contest.skill for contest in scored}
    if len(columns) > 1:
        columns = {'overall': ranking.overall} | columns
    for name in ('', 'model', *columns):
        table.add_column(name, justify='left' if name == 'model' else 'right', overflow='fold')
    for model in ranking.models:
        skills = [column.get(model) for column in columns.values()]
        table.add_row(str(ranking.rank(model) or ''), model, *map(_cell, skills))
    return table


def _shown_transfers(table: pd.DataFrame) -> Table:
    """For a terminal: how many images stay nearest to themselves, and how far CLS moves."""
    attack = table['attack'].iloc[0]
    shown = Table(title=f'{attack}: images nearest to themselves, %, and cls_distance', box=SIMPLE, pad_edge=False)
    shown.add_column('made against \\ shown to', overflow='fold')
    numbers = table.pivot_table('value', ['source', 'metric'], 'target', sort=False)
    for target in numbers:
        shown.add_column(str(target), justify='right', overflow='fold')
    for source in dict.fromkeys(table['source']):
        nearest, moved = (numbers.loc[(source, metric)] for metric in ('nearest', 'cls_distance'))
        shown.add_row(source, *(f'{one:.0f}, {other:.2f}' for one, other in zip(nearest, moved)))
    return shown


def _cell(skill: Estimate | None) -> str:
    if skill is None:
        return 'n/a'
    interval = '' if skill.low != skill.low else f'\n({skill.low:.2f} to {skill.high:.2f})'
    return f'{skill.value:.2f}{interval}'
