"""The report as one HTML page that needs nothing else."""

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mmssl_robust.tasks import task_named

from .content import Content, tasks_of
from .figures import Drawn, svg_of
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


def render_page(content: Content, figures: dict[str, Drawn], examples: int) -> str:
    """Lay the report out.

    Args:
        content: What it says.
        figures: Its figures.
        examples: How many of the most and of the least robust images are shown for each attack.
    """
    environment = Environment(
        loader=PackageLoader('mmssl_robust.benchmark.report', '.'),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    tables = [
        dict(
            title=heading_of(task),
            unit=task_named(task).metric.description,
            columns=columns_of(content, task),
            budgets=budgets_of(content, task),
            body=body_of(content, task),
        )
        for task in tasks_of(content)
    ]
    return environment.get_template('report.html.j2').render(
        content=content,
        summary=summary(content),
        note=note_of(content),
        tables=tables,
        differences=difference_rows(content),
        differences_note=DIFFERENCES_NOTE,
        figures={name: (drawn, Markup(svg_of(drawn.figure))) for name, drawn in figures.items()},
        qualities=[f'{task_named(task).quality} ({task})' for task in tasks_of(content)],
        galleries=[gallery for records in content.begun for gallery in galleries_of(records, examples)],
        checks=checks_table(content).to_numpy().tolist(),
        costs=content.costs.to_dict('records'),
        machines=[machine_of(environment) for environment in content.environments()],
        commands=commands_of(content),
    )
