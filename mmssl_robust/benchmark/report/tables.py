"""Tables of a report: Markdown, LaTeX, CSV, JSON."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.escaping import code, latex, markdown

from ..row_records import WORST, RowRecords
from ..schema import TABLES_VERSION, as_csv
from ..statistics import TOO_NARROW
from .content import Content, tasks_of
from .summary import summary, verdict_of

if TYPE_CHECKING:
    from .figures import Drawn

NOTE = (
    'In brackets the 95 % interval over images: bootstrap, or Clopper-Pearson (marked *) where all images agree. '
    'Below it how many predictions an attack made worse and better (of classes: right ones that fell, wrong ones that '
    'rose), and the number that the paper published and ours minus that, where there is one; both are of the attacked '
    'images. Worst case: for each image the worst of the clean prediction and all attacks, so that robust is what is '
    'right without an attack and under each; that of an ensemble is one, too. '
    f'{TOO_NARROW}.'
)
DIFFERENCES_NOTE = (
    'The variant minus Standard, same encoder and same images, with the 95 % interval of a bootstrap that draws an '
    "image from both; Clopper-Pearson's bound (marked *) where all images say the same."
)


class Cell(NamedTuple):
    """A number of a table.

    Attributes:
        value: In the metric's unit, as text.
        interval: ``'[low, high]'``, or empty.
        changes: How many predictions fell and rose, of a difference whether it is to the better, or empty.
        published: What the paper has and the difference, or empty.
    """

    value: str
    interval: str
    changes: str
    published: str


Body = list[tuple[list[str], list[Cell | None]]]


def heading_of(task: str) -> str:
    """A task's name as a heading."""
    return task.replace('_', ' ').replace('-', ' ').capitalize()


def columns_of(content: Content, task: str) -> list[str]:
    """Attacks on single images of a task's table, clean first, worst cases last."""
    table = content.results[content.results['task'] == task]
    table = table[table['threat'].fillna('image') == 'image']
    names = dict.fromkeys(name for name in table['attack'] if name != CLEAN)
    return [CLEAN, *sorted(names, key=lambda name: name.startswith(WORST))]  # else in their order


def budgets_of(content: Content, task: str) -> dict[str, str]:
    """Attack -> its norm and eps, or severity, of those of a task's table that have the same for all rows."""
    found: dict[str, set[str]] = {}
    for records in content.begun:
        for attack in records.attacks if records.row.task == task else ():
            found.setdefault(attack, set()).add(records.settings(attack).budget_words())
    return {attack: ' '.join(budgets) for attack, budgets in found.items() if len(budgets) == 1}


def body_of(content: Content, task: str, columns: Sequence[str]) -> Body:
    """Rows of a task's table: what they are of, and a cell for each column's attack, None where it has not run."""
    metric = task_named(task).metric
    table = content.results[content.results['metric'] == metric.name]
    lines = []
    for records in content.begun:
        if records.row.task != task:
            continue
        own = {line['attack']: line for line in table[table['row'] == records.row.name].to_dict('records')}
        epoch = '' if records.row.epoch is None else f'epoch {records.row.epoch}'
        variant = ', '.join(filter(None, (records.row.variant, epoch)))
        head = [records.row.data, records.row.encoder, variant, str(records.info.get('images', ''))]
        cells = [cell_of(own[name]) if name in own else None for name in columns]
        lines.append((head, cells))
    return lines


def cell_of(line: Mapping[Hashable, Any], signed: bool = False) -> Cell:
    """Write a number of a table of results."""
    metric = task_named(line['task']).metric_named(line['metric'])
    decimals, sign = metric.decimals, '+' if signed else ''
    interval = ''
    if not pd.isna(line['low']):
        mark = '*' if line['interval'] == 'Clopper-Pearson' else ''
        interval = f'[{line["low"]:{sign}.{decimals}f}, {line["high"]:{sign}.{decimals}f}]{mark}'
    if line['kind'] == 'difference':
        return Cell(f'{line["value"]:{sign}.{decimals}f}', interval, verdict_of(line), '')
    changes = '' if pd.isna(line['fell']) else f'{line["fell"]:.0f} fell, {line["rose"]:.0f} rose'
    published = ''
    if not pd.isna(line['published']):
        published = f'paper {line["published"]:.{max(decimals - 1, 0)}f}, {line["difference"]:+.{decimals}f}'
    return Cell(f'{line["value"]:{sign}.{decimals}f}', interval, changes, published)


def difference_rows(content: Content) -> Body:
    """What variants gain or lose against Standard: data, encoder and variant, attack, metric, and the number."""
    return [
        ([line['data'], line['encoder'], line['variant'], line['attack'], _described(line)], [cell_of(line, True)])
        for line in content.differences.to_dict('records')
    ]


def _described(line: Mapping[Hashable, Any]) -> str:
    return task_named(line['task']).metric_named(line['metric']).description


def note_of(content: Content) -> str:
    """What is said below the tables of results."""
    return ' '.join((NOTE, *content.precisions()))


def markdown_report(content: Content, figures: dict[str, 'Drawn'], further: Sequence[str] = ()) -> str:
    """The report without its galleries; ``further`` are parts that follow the tables."""
    parts = [f'# {markdown(content.title)}', f'{content.written}; SHA-256 of the records {content.digest[:16]}.']
    parts += ['## Attacks', _list(f'`{code(name)}`: {markdown(settings)}' for name, settings in content.attacks())]
    parts += ['## In short', _list(map(markdown, summary(content)))]
    for task in tasks_of(content):
        parts += [
            f'## {markdown(heading_of(task))}',
            markdown(f'{task_named(task).metric.description}. {note_of(content)}'),
            markdown_table(content, task, columns_of(content, task)),
        ]
    if len(content.differences):
        rows = [[*map(markdown, head), _text(cells[0], '<br>')] for head, cells in difference_rows(content)]
        names = ['data', 'encoder', 'variant', 'attack', 'metric', 'difference']
        parts += ['## Differences', DIFFERENCES_NOTE, _markdown(pd.DataFrame(rows, columns=names))]
    parts += further
    for name, drawn in figures.items():
        title = markdown(drawn.title)
        parts += [f'## {title}', markdown(drawn.caption), f'![{title}](figures/{name}.svg)']
    parts += ['## Is it believable?', _markdown(checks_table(content).map(markdown))]
    parts += ['## Cost for each image', _markdown(content.costs.round(3).map(markdown))]
    for name, lines in (('Not yet run', content.missing()), ('Skipped files', content.skipped())):
        if lines:
            parts += [f'## {name}', _list(map(markdown, lines))]
    parts += ['## Machines', _list(markdown(machine_of(machine)) for machine in content.environments())]
    parts += ['## To repeat', f'```bash\n{code(commands_of(content))}\n```']
    return '\n\n'.join(parts) + '\n'


def checks_table(content: Content) -> pd.DataFrame:
    """Warnings one by one, and how often each check passed."""
    warnings = [
        ['warning', check.name, f'{check.subject}, {check.attack}', check.figures]
        for check in content.checks
        if not check.passed
    ]
    passed = pd.Series([check.name for check in content.checks if check.passed]).value_counts(sort=False)
    rows = [*warnings, *(['pass', name, f'{count} times', ''] for name, count in passed.items())]
    return pd.DataFrame(rows, columns=['', 'check', 'of', 'figures'])


def latex_tables(content: Content) -> str:
    """A ``tabular`` with booktabs rules for each task."""
    parts = ['% needs \\usepackage{booktabs}']
    for task in tasks_of(content):
        frame = _frame_of(content, task, columns_of(content, task), ' ', str).map(latex)
        frame.columns = [latex(name) for name in frame.columns]
        caption = latex(f'{heading_of(task)}: {task_named(task).metric.description}. {note_of(content)}')
        words = int('variant' in frame.columns) + 2
        aligned = 'l' * words + 'r' * (len(frame.columns) - words)
        tabular = frame.to_latex(index=False, escape=False, column_format=aligned)
        parts.append(f'\\begin{{table}}\n\\centering\\small\n{tabular}\\caption{{{caption}}}\n\\end{{table}}')
    return '\n\n'.join(parts) + '\n'


def csv_table(content: Content) -> str:
    """All numbers, one a line, unrounded."""
    return as_csv(_all(content))


def json_report(content: Content) -> dict[str, Any]:
    """All numbers, checks, costs and origins."""
    return dict(
        schema_version=TABLES_VERSION,
        title=content.title,
        suite=content.suite.name,
        written=content.written,
        records_sha256=content.digest,
        results=_plain(_all(content)),
        transfers=_plain(content.transfers),
        checks=[asdict(check) for check in content.checks],
        attacks={records.row.name: _settings(records) for records in content.begun},
        precisions={records.row.name: records.precision for records in content.begun},
        costs=content.costs.to_dict('records'),
        missing=content.missing(),
        skipped=content.skipped(),
        environments=content.environments(),
    )


def _plain(table: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Lines for JSON, which knows no NaN."""
    return table.astype(object).where(lambda values: values.notna(), None).to_dict('records')


def _settings(records: RowRecords) -> dict[str, Any]:
    """Name -> what each finished attack is."""
    return {name: records.settings(name).as_dict() for name in records.finished if name != CLEAN}


def machine_of(environment: dict[str, Any]) -> str:
    """A machine in a line."""
    libraries = ', '.join(f'{name} {version}' for name, version in environment.get('libraries', {}).items())
    return (
        f'{environment.get("device")}, {environment.get("cores")} cores, {environment.get("threads")} threads, '
        f'{environment.get("processes")} processes; {libraries}'
    )


def commands_of(content: Content) -> str:
    """How to make it again."""
    return f'{content.suite.command}\nmmssl-robust report WORK_DIR'


def _all(content: Content) -> pd.DataFrame:
    return stacked(content.results, content.members, content.differences, content.curves, content.kept)


def stacked(*tables: pd.DataFrame) -> pd.DataFrame:
    """Tables one below the other; pandas 2 warns where it would guess the type of a column that is empty in one."""
    return pd.concat([table.astype(object) for table in tables if len(table)] or tables[:1], ignore_index=True)


def markdown_table(content: Content, task: str, columns: Sequence[str]) -> str:
    """A task's table with these attacks."""
    budgets = budgets_of(content, task)
    frame = _frame_of(content, task, columns, '<br>', markdown)
    names = {name: '<br>'.join(map(markdown, filter(None, (name, budgets.get(name))))) for name in frame.columns}
    return _markdown(frame.rename(columns=names))


def _frame_of(
    content: Content, task: str, columns: Sequence[str], newline: str, escaped: Callable[[str], str]
) -> pd.DataFrame:
    body = body_of(content, task, columns)
    rows = [[*map(escaped, head), *(_text(cell, newline) for cell in cells)] for head, cells in body]
    return without_variant(pd.DataFrame(rows, columns=['data', 'encoder', 'variant', 'images', *columns]))


def without_variant(frame: pd.DataFrame) -> pd.DataFrame:
    """A table without the column of variants, where nobody named one."""
    return frame if frame['variant'].any() else frame.drop(columns='variant')


def _text(cell: Cell | None, newline: str) -> str:
    if cell is None:
        return 'not yet run'
    return newline.join(filter(None, (f'{cell.value} {cell.interval}'.strip(), cell.changes, cell.published)))


def _markdown(frame: pd.DataFrame) -> str:
    return frame.to_markdown(index=False, disable_numparse=True)


def _list(lines: Iterable[str]) -> str:
    return '\n'.join(f'- {line}' for line in lines)
