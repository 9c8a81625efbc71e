"""Figures of the documents: Markdown with fields that records fill.

A figure of ``docs/figures.yml`` stands in a document between ``<!-- figure: NAME -->`` and ``<!-- /figure -->``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from mmssl_robust.utils.errors import UserError

DOCUMENTS = ('README.md', 'docs/**/*.md', 'configs/**/README.md', 'mmssl_robust/assets/*/README.md', 'examples/*.md')
_MADE = ('docs/model_zoo.md', 'docs/reference')  # of the package and its metafiles
_BLOCK = re.compile(r'^(?P<indent> *)<!-- figure: (?P<name>[\w-]+) -->\n(?P<text>.*?)^ *<!-- /figure -->$', re.M | re.S)
_TABLE = re.compile(r'(?:^ *\|.*\n?)+', re.M)
_CODE = re.compile(r'^( *)```.*?^\1```', re.M | re.S)
_DECIMALS = re.compile(r'\|[ *]*[-+]?\d+\.\d+')


@dataclass(frozen=True)
class Figure:
    """A table, a block or a sentence with numbers.

    Attributes:
        name: In documents, and in ``docs/figures.yml``.
        template: Its Markdown with fields such as ``{quickstart[DeACL/depth][metrics][rmse]:.2f}``, a file of
            ``docs/records`` first.
        each: A suite's records, whose variants have a line of ``template`` each, below ``header``.
        header: See ``each``.
        sentence: Whether it is in running text, without marks.
    """

    name: str
    template: str
    each: str | None = None
    header: str = ''
    sentence: bool = False

    def text(self, folder: Path) -> str:
        """Its Markdown, from the records in a folder.

        Raises:
            UserError: If these lack a number.
        """
        try:
            records = {name: read_record(folder / f'{name}.json') for name in self.records}
            if self.each is None:
                return _filled(self.template, records)
            variants = records[self.each]['variants'].items()
            return self.header + ''.join(_filled(self.template, dict(variant=name, row=row)) for name, row in variants)
        except (LookupError, TypeError, ValueError) as error:
            raise UserError(f'figure {self.name} asks for what its records do not say: {error!r}') from error

    @property
    def records(self) -> list[str]:
        """Names of the records that it is made from."""
        fields = (field for _, field, _, _ in Formatter().parse(self.template) if field)
        return [self.each] if self.each else list(dict.fromkeys(re.split(r'[\[.]', field)[0] for field in fields))


def _filled(template: str, records: Mapping[str, Any]) -> str:
    return Formatter().vformat(template, (), records)


def read_figures(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Figure]:
    """The figures of ``docs/figures.yml``: settings of :class:`Figure`, or its text as ``sentence``."""
    return {
        name: Figure(name, entry['sentence'], sentence=True) if 'sentence' in entry else Figure(name, **entry)
        for name, entry in entries.items()
    }


def read_record(path: Path) -> Any:
    """What a file of records says.

    Raises:
        UserError: If it is not there.
    """
    if not path.is_file():
        raise UserError(f'no {path.name} in docs/records: python tools/docs/refresh.py --run {path.stem}')
    return json.loads(path.read_text(encoding='utf-8'))


def documents(root: Path) -> Iterator[Path]:
    """The documents of a checkout, in order, without the pages that `make docs` makes."""
    made = {root / name for name in _MADE}
    for pattern in DOCUMENTS:
        yield from (path for path in sorted(root.glob(pattern)) if made.isdisjoint([path, *path.parents]))


def named_in(text: str) -> list[str]:
    """Names of the figures of a document, in order."""
    return [match['name'] for match in _BLOCK.finditer(text)]


def refreshed(text: str, figures: Mapping[str, Figure], folder: Path) -> str:
    """A document with its figures as the records say.

    Raises:
        UserError: If it names a figure that ``docs/figures.yml`` lacks.
    """

    def block(match: re.Match[str]) -> str:
        figure = figures.get(match['name'])
        if figure is None:
            raise UserError(f'no figure {match["name"]!r} in docs/figures.yml: add it there, or mend the mark')
        indent = match['indent']
        lines = [f'{indent}{line}'.rstrip() for line in figure.text(folder).splitlines()]
        return '\n'.join((f'{indent}<!-- figure: {figure.name} -->', *lines, f'{indent}<!-- /figure -->'))

    return _BLOCK.sub(block, text)


def missing_sentences(texts: Mapping[str, str], figures: Mapping[str, Figure], folder: Path) -> Iterator[str]:
    """What is said nowhere, though records say it: the sentences, as they should be."""
    running = ' '.join(' '.join(text.split()) for text in texts.values())
    for figure in figures.values():
        if figure.sentence and (wanted := ' '.join(figure.text(folder).split())) not in running:
            yield f'{figure.name}: {wanted}'


def unmarked_tables(text: str) -> list[str]:
    """First lines of the tables with decimal numbers that stand in no figure."""
    rest = _BLOCK.sub('', _CODE.sub('', text))
    return [table[0].splitlines()[0].strip() for table in _TABLE.finditer(rest) if _DECIMALS.search(table[0])]
