"""Matrices of a report: images made against one encoder, shown to the others."""

from typing import Any, NamedTuple

import pandas as pd

from mmssl_robust.tasks import task_named
from mmssl_robust.utils.escaping import markdown

from .content import Content
from .tables import Cell, cell_of

_BESIDE = ('cls_distance', 'patches')
"""Metrics that stand below the first."""
NOTE = (
    'A line is the encoder that is attacked, a column the one that is shown the images; on the diagonal they are one. '
    'Below the share of images that are nearest to themselves: how far CLS moves over the distance between images, and '
    'the share of patches that find themselves. An encoder of another input size sees the clean and the attacked image '
    'resized.'
)


class Matrix(NamedTuple):
    """Transfer between the encoders of one data set.

    Attributes:
        title: Data set and attack.
        unit: What the first number of a cell is.
        targets: Encoders that are shown the images.
        body: Encoder that is attacked, and a cell for each target; None where nothing was shown.
    """

    title: str
    unit: str
    targets: list[str]
    body: list[tuple[str, list[Cell | None]]]


def matrices_of(content: Content) -> list[Matrix]:
    """A matrix for each data set and attack."""
    found = []
    for key, table in content.transfers.groupby(['task', 'data', 'attack'], sort=False):
        task, data, attack = map(str, key)
        sources, targets = (list(dict.fromkeys(table[name])) for name in ('source', 'target'))
        lines = {(line['source'], line['target'], line['metric']): line for line in table.to_dict('records')}
        body = [(source, [_cell(lines, task, source, target) for target in targets]) for source in sources]
        found.append(Matrix(f'{data}, {attack}', task_named(task).metric.description, targets, body))
    return found


def _cell(lines: dict[tuple[str, str, str], dict[Any, Any]], task: str, source: str, target: str) -> Cell | None:
    metrics = task_named(task).metrics
    first = lines.get((source, target, metrics[0].name))
    if first is None:
        return None
    beside = [
        f'{metric.name} {metric.show(lines[source, target, metric.name]["value"])}'
        for metric in metrics
        if metric.name in _BESIDE
    ]
    return cell_of(first | dict(kind='transfer', fell=pd.NA, published=pd.NA))._replace(changes=', '.join(beside))


def markdown_matrices(content: Content) -> list[str]:
    """The matrices as parts of a Markdown report; none where there are none."""
    parts = []
    for matrix in matrices_of(content):
        rows = [[markdown(source), *(_text(cell) for cell in cells)] for source, cells in matrix.body]
        frame = pd.DataFrame(rows, columns=['made against', *map(markdown, matrix.targets)])
        parts += [
            f'### {markdown(matrix.title)}',
            f'{matrix.unit}.',
            frame.to_markdown(index=False, disable_numparse=True),
        ]
    return ['## Transfer between encoders', NOTE, *parts] if parts else []


def _text(cell: Cell | None) -> str:
    return '' if cell is None else '<br>'.join(filter(None, (f'{cell.value} {cell.interval}'.strip(), cell.changes)))
