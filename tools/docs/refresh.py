"""Write the tables of the documents from the records in docs/records, or make these records anew.

Without arguments the documents are written. `docs/figures.yml` lists every figure with the command behind it.

Example:
    python tools/docs/refresh.py --check
    python tools/docs/refresh.py --run quickstart
    python tools/docs/refresh.py --take results work_dirs/results     # what its command has left there
"""

from mmssl_robust.utils.startup import one_line_errors

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from figures import (
    Figure,
    documents,
    missing_sentences,
    named_in,
    read_figures,
    read_record,
    refreshed,
    unmarked_tables,
)
from made_records import made_records

from mmssl_robust.utils.arguments import Parser
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.json_files import write_json

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / 'docs' / 'records'


def parse_args() -> argparse.Namespace:
    parser = Parser(description=__doc__)
    parser.add_argument('--check', action='store_true', help='write nothing, fail if a document and records disagree')
    parser.add_argument('--run', metavar='NAME', help='run the command of these records first')
    parser.add_argument('--take', nargs=2, metavar=('NAME', 'DIR'), help='take them from where the command left them')
    return parser.parse_args()


def entry_of(name: str) -> dict[str, str]:
    """The command of records, and the files that it leaves."""
    entries = read_list()['records']
    if name not in entries:
        raise UserError(f'no records {name!r} in docs/figures.yml: there are {", ".join(entries)}')
    return entries[name]


def read_list() -> dict[str, Any]:
    """What ``docs/figures.yml`` says."""
    return yaml.safe_load((ROOT / 'docs' / 'figures.yml').read_text(encoding='utf-8'))


def run(name: str) -> None:
    """Run the command of records in a temporary folder, ``$OUT``, and keep what it leaves."""
    with tempfile.TemporaryDirectory() as out:
        environment = os.environ | dict(OUT=out)
        done = subprocess.run(['bash', '-euc', entry_of(name)['command']], cwd=ROOT, env=environment)
        if done.returncode:
            raise UserError(f'the command of {name} ended with {done.returncode}: the records stay as they were')
        take(name, Path(out))


def take(name: str, out: Path) -> None:
    """Keep what the command of records has left in a folder."""
    write_json(made_records(out, entry_of(name).get('files', '*.json')), RECORDS / f'{name}.json')


def write(figures: dict[str, Figure]) -> None:
    """Write the documents, and say which have changed."""
    for path in documents(ROOT):
        text = path.read_text(encoding='utf-8')
        if (new := refreshed(text, figures, RECORDS)) != text:
            path.write_text(new, encoding='utf-8')
            print(f'{path.relative_to(ROOT)}: written')


def findings(listed: dict[str, Any], figures: dict[str, Figure]) -> list[str]:
    """What is wrong with the documents, a line each."""
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding='utf-8') for path in documents(ROOT)}
    return [
        *wrong_tables(texts, figures),
        *unlisted(texts, listed),
        *(f'nowhere: {line}' for line in missing_sentences(texts, figures, RECORDS)),
    ]


def wrong_tables(texts: dict[str, str], figures: dict[str, Figure]) -> Iterator[str]:
    """Documents with a table that is not what its records say, and figures with records that no document has."""
    for place, text in texts.items():
        if refreshed(text, figures, RECORDS) != text:
            yield f'{place}: a table is not what its records say: python tools/docs/refresh.py'
    used = {name for text in texts.values() for name in named_in(text)}
    kept = {path.stem for path in RECORDS.glob('*.json')}
    for figure in figures.values():
        if not figure.sentence and figure.name not in used and kept.issuperset(figure.records):
            yield f'docs/figures.yml: no document has the figure {figure.name}'


def unlisted(texts: dict[str, str], listed: dict[str, Any]) -> Iterator[str]:
    """Tables and pictures that ``docs/figures.yml`` lacks, and reports that are of other records."""
    for place, text in texts.items():
        if place not in listed['reports']:
            heads = (head for head in unmarked_tables(text) if head not in listed['others'])
            yield from (f'{place}: not in docs/figures.yml: {head}' for head in heads)
        elif read_record(RECORDS / f'{listed["reports"][place]}.json')['records_sha256'][:16] not in text:
            name = listed['reports'][place]
            yield f'{place}: not of the records {name}: python tools/docs/refresh.py --run {name}'
    pictures = (path.relative_to(ROOT).as_posix() for path in sorted((ROOT / 'docs' / 'images').iterdir()))
    yield from (f'{place}: not in docs/figures.yml' for place in pictures if place not in listed['pictures'])


def inventory(listed: dict[str, Any], figures: dict[str, Figure]) -> list[str]:
    """What is made from which records, and what is not."""
    made = [f'  {figure.name}: {", ".join(figure.records)}' for figure in figures.values()]
    reports = [f'  {place}: {name}' for place, name in listed['reports'].items()]
    others = [f'  {what} {why}' for what, why in (listed['others'] | listed['pictures']).items()]
    return ['From records:', *made, *reports, 'Not from records:', *others]


@one_line_errors
def main() -> None:
    args = parse_args()
    if args.run:
        run(args.run)
    if args.take:
        take(args.take[0], Path(args.take[1]))
    listed = read_list()
    figures = read_figures(listed['figures'])
    if not args.check:
        write(figures)
    found = findings(listed, figures)
    print(*(found or inventory(listed, figures)), sep='\n')
    if found:
        sys.exit(1)


if __name__ == '__main__':
    main()
