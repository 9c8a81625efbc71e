"""Other threats of a report than a perturbation of one image for the model at hand: a table for each task."""

from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from mmssl_robust.attack_settings import CLEAN
from mmssl_robust.tasks import task_named
from mmssl_robust.utils.escaping import markdown

from .content import Content, tasks_of
from .tables import Body, body_of, budgets_of, heading_of, markdown_table

NOTE = 'What each of these attackers may do, and what its figure does not show.'
_WORDS = dict(
    joint='one perturbation that is to harm all tasks of the encoder at once. Each task alone is harmed more by the '
    'attack on it.',
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
    """A table for each task that has met another threat."""
    found = {task: _columns(content, task) for task in tasks_of(content)}
    tables = []
    for task, columns in found.items():
        unit, budgets = task_named(task).metric.description, budgets_of(content, task)
        if columns:
            tables.append(Table(heading_of(task), unit, columns, budgets, body_of(content, task, columns)))
        if each := _corruptions(content, task):
            body = body_of(_with_members(content), task, each)
            tables.append(Table(f'{heading_of(task)}, each corruption', unit, each, {}, body))
    return tables


def kinds_of(content: Content) -> list[tuple[str, str]]:
    """Kind of each other threat that was met, and what it shows and does not show."""
    met = set(content.results['threat'].dropna())
    return [(kind, words) for kind, words in _WORDS.items() if kind in met]


def markdown_threats(content: Content) -> list[str]:
    """The tables as parts of a Markdown report; none where there are none."""
    parts = []
    for task in tasks_of(content):
        columns, unit = _columns(content, task), task_named(task).metric.description
        if columns:
            parts += [f'### {markdown(heading_of(task))}', f'{unit}.', markdown_table(content, task, columns)]
        if each := _corruptions(content, task):
            table = markdown_table(_with_members(content), task, each)
            parts += [f'### {markdown(heading_of(task))}, each corruption', f'{unit}.', table]
    kinds = '\n'.join(f'- {kind}: {words}' for kind, words in kinds_of(content))
    return ['## Other threats', NOTE, kinds, *parts] if parts else []


def _columns(content: Content, task: str) -> list[str]:
    table = content.results[content.results['task'] == task]
    others = dict.fromkeys(table[table['threat'].fillna('image') != 'image']['attack'])
    return [CLEAN, *others] if others else []


def _corruptions(content: Content, task: str) -> list[str]:
    table = content.members[content.members['task'] == task]
    return [CLEAN, *dict.fromkeys(table['attack'])] if len(table) else []


def _with_members(content: Content) -> Content:
    """The results of single corruptions beside the others."""
    return replace(content, results=pd.concat([content.results, content.members], ignore_index=True))
