"""Pieces of Markdown pages."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

ROLE = re.compile(r':\w+(?::\w+)?:`(?:[^`<]*<)?~?([^`<>]+)>?`')


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing without rows."""
    lines = [f'| {" | ".join(cell.replace("|", chr(92) + "|") for cell in row)} |\n' for row in rows]
    return f'| {" | ".join(head)} |\n{"|---" * len(head)}|\n{"".join(lines)}' if lines else ''


def code(value: object) -> str:
    """Something as code, on one line."""
    return f'`{" ".join(str(value).split())}`'


def link(path: Path, page: Path, text: str | None = None) -> str:
    """A link from a page to a file, by the file's name unless a text is given."""
    return f'[{text or code(path.name)}]({Path(os.path.relpath(path, page.parent)).as_posix()})'


def prose(docstring: str) -> str:
    """A docstring's reStructuredText as Markdown, on one line: roles by the last part of what they name."""
    text = ROLE.sub(lambda found: code(found[1].lstrip('.').rpartition('.')[2]), docstring)
    return ' '.join(text.replace('``', '`').split())
