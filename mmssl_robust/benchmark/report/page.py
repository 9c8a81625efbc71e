"""The report as one HTML page that needs nothing else."""

import math
from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from mmssl_robust.tasks import task_named

from ..ranking import Ranking
from ..statistics import EXACT, Estimate
from .content import Content, tasks_of
from .figures import Drawn
from .gallery import galleries_of
from .summary import summary
from .tables import (
    DIFFERENCES_NOTE,
    body_of,
    budgets_of,
    checks_table,
    columns_of,
    commands_of,
    difference_rows,
    heading_of,
    machine_of,
    note_of,
)
from .threats import NOTE as THREATS_NOTE
from .threats import SMALLEST, kinds_of, smallest_of, threats_of
from .transfer_tables import NOTE as TRANSFER_NOTE
from .transfer_tables import matrices_of


def render_page(content: Content, figures: dict[str, Drawn], examples: int, ranking: str | None = None) -> str:
    """Lay the report out.

    Args:
        content: What it says.
        figures: Its figures.
        examples: How many of the most and of the least robust images are shown for each attack.
        ranking: Address of the page of the ranking, where there is one.
    """
    tables = [
        dict(
            title=heading_of(task),
            unit=task_named(task).metric.description,
            columns=columns_of(content, task),
            budgets=budgets_of(content, task),
            body=body_of(content, task, columns_of(content, task)),
        )
        for task in tasks_of(content)
    ]
    smallest = smallest_of(content)
    return _template('report.html.j2').render(
        content=content,
        ranking=ranking,
        summary=summary(content),
        note=note_of(content),
        tables=tables,
        differences=difference_rows(content),
        threats=threats_of(content),
        threats_note=THREATS_NOTE,
        kinds=kinds_of(content),
        smallest=smallest.to_numpy().tolist(),
        smallest_note=SMALLEST,
        smallest_heads=list(smallest.columns),
        matrices=matrices_of(content),
        transfer_note=TRANSFER_NOTE,
        differences_note=DIFFERENCES_NOTE,
        figures={name: (drawn, Markup(drawn.element)) for name, drawn in figures.items()},
        qualities=[f'{task_named(task).quality} ({task})' for task in tasks_of(content)],
        galleries=[gallery for records in content.begun for gallery in galleries_of(records, examples)],
        checks=checks_table(content).to_numpy().tolist(),
        costs=content.costs.to_dict('records'),
        machines=[machine_of(environment) for environment in content.environments()],
        commands=commands_of(content),
    )


def render_ranking(ranking: Ranking, content: Content, report: str, pages: Mapping[str, str]) -> str:
    """Lay a ranking out.

    Args:
        ranking: The models.
        content: Of the report.
        report: Address of its page.
        pages: Model -> address of a page of its own.
    """
    return _template('ranking.html.j2').render(
        content=content,
        report=report,
        pages=pages,
        scored=[contest for contest in ranking.contests if contest.is_scored],
        unscored=[contest for contest in ranking.contests if not contest.is_scored],
        metrics={contest.name: task_named(contest.task).metric for contest in ranking.contests},
        ranking=ranking,
        interval=_interval,
    )


def _interval(estimate: Estimate, signed: bool = False) -> str:
    """``'[low, high]'``, marked where it is exact; empty where all resamples agree."""
    if math.isnan(estimate.low):
        return ''
    number = '{:+.2f}' if signed else '{:.2f}'
    return f'[{number.format(estimate.low)}, {number.format(estimate.high)}]' + (
        '*' if estimate.method == EXACT else ''
    )


def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader('mmssl_robust.benchmark.report', '.'),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
