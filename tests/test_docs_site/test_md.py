"""Pieces of Markdown."""

from pathlib import Path

import pytest


@pytest.fixture
def md(tool):
    return tool('md')


def test_a_table_keeps_its_cells_apart(md):
    assert md.table(['a', 'b'], [['1 | 2', 'x']]) == '| a | b |\n|---|---|\n| 1 \\| 2 | x |\n'


def test_no_rows_are_no_table(md):
    assert md.table(['a'], []) == ''


def test_a_link_leads_from_the_page_to_the_file(md):
    assert md.link(Path('/r/configs/a.py'), Path('/r/docs/reference/x.md')) == '[`a.py`](../../configs/a.py)'


@pytest.mark.parametrize(
    ('docstring', 'text'),
    [
        ('See :class:`Attack`,\n   likewise ``eps``.', 'See `Attack`, likewise `eps`.'),
        (':func:`~mmssl_robust.victims.budget.memory_budget`', '`memory_budget`'),
        (':py:obj:`text <a.b.C>`', '`C`'),
        (':func:`.data_configs.check`', '`check`'),
    ],
)
def test_roles_become_code(md, docstring, text):
    assert md.prose(docstring) == text
