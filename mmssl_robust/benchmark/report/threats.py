"""Other threats of a report than a perturbation of one image for the model at hand: a table for each task."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from mmssl_robust.attack_settings import CLEAN, written
from mmssl_robust.robustness_curve import median_size
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.escaping import markdown

from ..row_records import RowRecords
from .content import Content, tasks_of
from .tables import Body, body_of, budgets_of, heading_of, markdown_table, stacked, without_variant

NOTE = 'What each of these attackers may do, and what its figure does not show.'
_WORDS = dict(
    joint='one perturbation that is to harm all tasks of the encoder at once. As a rule the '
    'attack on one task alone harms that more.',
    universal='one perturbation that is added to every image, made without the images of the table. It says nothing of '
    'who may make one for each image.',
    transfer='made against another encoder, whose weights the attacker has, and shown to this one. Little harm means '
    'that the two differ, not that this one withstands.',
    patch='any value inside a small square, and none outside, where segmentation and depth are measured.',
    minimal='the smallest perturbation of each image that succeeds, as far as this search finds it: another may find '
    'a smaller one.',
    corruption='changes that nobody chose to do harm, such as noise, blur and weather. They bound no attacker, and '
    'are in no worst case.',
)


SMALLEST = (
    'The size at which half of the images that have something to lose have lost half of it: another class, half of the '
    'right pixels, twice the RMSE, an embedding turned by 60 degrees; and how many withstand all sizes that were tried.'
)
_HEADS = ('data', 'encoder', 'variant', 'attack', 'images', 'median', 'withstand')


class Table(NamedTuple):
    """Other threats to the models of a task.

    Attributes:
        title: The task.
        unit: What the numbers are.
        columns: Clean, and the attacks.
        budgets: Attack -> its norm and eps.
        body: See :func:`.tables.body_of`.
    """

    title: str
    unit: str
    columns: list[str]
    budgets: dict[str, str]
    body: Body


def threats_of(content: Content) -> list[Table]:
    """A table for each task that has met another threat, and for each that has met several corruptions."""
    whole = _with_members(content)
    return [
        Table(
            title,
            task_named(task).metric.description,
            columns,
            budgets_of(content, task),
            body_of(whole, task, columns),
        )
        for task, title, columns in _sections(content)
    ]


def kinds_of(content: Content) -> list[tuple[str, str]]:
    """Kind of each other threat that was met, and what it shows and does not show."""
    met = set(content.results['threat'].dropna())
    return [(kind, words) for kind, words in _WORDS.items() if kind in met]


def markdown_threats(content: Content) -> list[str]:
    """The tables as parts of a Markdown report; none where there are none."""
    parts: list[str] = []
    whole = _with_members(content)
    for task, title, columns in _sections(content):
        unit = task_named(task).metric.description
        parts += [f'### {markdown(title)}', f'{unit}.', markdown_table(whole, task, columns)]
    smallest = smallest_of(content)
    if len(smallest):
        table = smallest.map(markdown).to_markdown(index=False, disable_numparse=True)
        parts += ['### Smallest perturbations', SMALLEST, table]
    kinds = '\n'.join(f'- {kind}: {words}' for kind, words in kinds_of(content))
    return ['## Other threats', NOTE, kinds, *parts] if parts else []


def smallest_of(content: Content) -> pd.DataFrame:
    """For each row and attack that seeks the smallest perturbation of each image what its columns say."""
    lines = [
        (row.data, row.encoder, row.variant, attack, *_sizes(records, attack))
        for records in content.begun
        for attack in records.attacks
        if (row := records.row) and records.settings(attack).kind == 'minimal'
    ]
    return without_variant(pd.DataFrame(lines, columns=list(_HEADS)))


def _sizes(records: RowRecords, attack: str) -> tuple[str, str, str]:
    sizes, settings = records.sizes(attack).to_numpy(), records.settings(attack)
    standing, median = sizes[sizes > 0], median_size(sizes)
    largest = written(settings.eps, settings.norm)
    words = f'> {largest}' if median is None else written(median, settings.norm)
    return str(len(standing)), words if len(standing) else 'n/a', f'{np.isinf(standing).sum()} at {largest}'


def _sections(content: Content) -> Iterator[tuple[str, str, list[str]]]:
    """Task, title and columns of each table."""
    for task in tasks_of(content):
        for columns, more in ((_columns(content, task), ''), (_corruptions(content, task), ', each corruption')):
            if columns:
                yield task, f'{heading_of(task)}{more}', columns


def _columns(content: Content, task: str) -> list[str]:
    """Clean, and other threats of which a metric says something, a patch after what is clean outside it."""
    table = content.results[content.results['task'] == task]
    table = table[~table['threat'].fillna('image').isin(['image', 'minimal'])]
    known = set(content.members[content.members['task'] == task]['attack'])
    columns = []
    for attack in dict.fromkeys(table['attack']):
        beside = f'{attack}/{CLEAN}'
        columns += [beside, attack] if beside in known else [attack]
    return [CLEAN, *columns] if columns else []


def _corruptions(content: Content, task: str) -> list[str]:
    table = content.members[(content.members['task'] == task) & (content.members['threat'] == 'corruption')]
    return [CLEAN, *dict.fromkeys(table['attack'])] if len(table) else []


def _with_members(content: Content) -> Content:
    """The results of single corruptions, and of what is clean outside patches, beside the others."""
    return replace(content, results=stacked(content.results, content.members))
