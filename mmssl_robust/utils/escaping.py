"""Texts of others, such as names, in formats that would obey them: one function for each format."""

import re
from typing import Any

import pandas as pd

from .errors import in_one_line

_LATEX = {sign: f'\\{sign}' for sign in '&%$#_{}'}
_LATEX |= {
    '\\': r'\textbackslash{}',
    '^': r'\textasciicircum{}',
    '~': r'\textasciitilde{}',
    '<': r'\textless{}',
    '>': r'\textgreater{}',
    '"': r'\textquotedbl{}',
}
_MARKDOWN = str.maketrans({'&': '&amp;', '<': '&lt;', '>': '&gt;', **{sign: f'\\{sign}' for sign in '\\`|[]*'}})
_FORMULA = re.compile(r"[' ]*[=+\-@\t]")  # and what looks like one with a quote before it


def latex(text: Any) -> str:
    """A text that LaTeX prints as it is, in one line."""
    return ''.join(_LATEX.get(sign, sign) for sign in in_one_line(text))


def markdown(text: Any) -> str:
    """A text that Markdown shows as it is, in one line; also in a table."""
    return in_one_line(text).translate(_MARKDOWN)


def plotted(text: Any) -> str:
    """A text that Matplotlib draws as it is: between two dollars it would read formulas, and raise if they are none."""
    return str(text).replace('$', r'\$')


def code(text: Any) -> str:
    """A text that stays within the quotes of code in Markdown, of a span or of a block of several lines."""
    return str(text).replace('`', "'")


def spreadsheet(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose texts no spreadsheet takes for formulas: such a one has a quote before it.

    Numbers stay as they are, negative ones too; ends of lines within a text become spaces. :func:`from_spreadsheet`
    takes the quotes away.
    """
    return table.map(lambda value: _no_formula(value) if isinstance(value, str) else value)


def from_spreadsheet(table: pd.DataFrame) -> pd.DataFrame:
    """A table as it was before :func:`spreadsheet`."""
    return table.map(lambda value: _unquoted(value) if isinstance(value, str) else value)


def _no_formula(text: str) -> str:
    text = re.sub(r'[\r\n\x00]+', ' ', text)
    return f"'{text}" if _FORMULA.match(text) else text


def _unquoted(text: str) -> str:
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
