"""Links that a code host understands and Sphinx does not: to folders, and to the README of the repository."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LINK = re.compile(r'\[(?P<text>[^\[\]]+)\]\((?P<path>[^()\s#:]+)(?P<anchor>#[^()\s]*)?\)')


def setup(app: 'Sphinx') -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect('source-read', mend_links)
    app.connect('html-page-context', open_pages)
    app.connect('build-finished', redirect)
    return dict(parallel_read_safe=True, parallel_write_safe=True)


def mend_links(app: 'Sphinx', docname: str, source: list[str]) -> None:
    """Change the links of a page that lead to no page."""
    root, folder = Path(app.srcdir), Path(app.env.doc2path(docname)).parent
    source[0] = LINK.sub(lambda found: mended(found, folder, root, app.config.root_doc), source[0])


def mended(found: re.Match[str], folder: Path, root: Path, root_doc: str) -> str:
    """A link as the site can follow it: to a folder's README or only page, or its text alone where there is none."""
    path = (folder / found['path']).resolve()
    if path == root / 'README.md':
        target = root / f'{root_doc}.md'
    elif path.is_dir():
        pages = [page for page in [path / 'README.md'] if page.is_file()] or sorted(path.glob('*.md'))
        if len(pages) != 1:
            return found['text']
        target = pages[0]
    else:
        return found[0]
    return f'[{found["text"]}]({Path(os.path.relpath(target, folder)).as_posix()}{found["anchor"] or ""})'


def open_pages(app: 'Sphinx', pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Let files that browsers show, such as reports, be opened instead of saved."""
    if 'body' in context:
        context['body'] = re.sub(r' download=""(?= href="[^"]*\.html")', '', context['body'])


def redirect(app: 'Sphinx', error: Exception | None) -> None:
    """Let the top of the site lead to its first page."""
    if error is None and app.builder.format == 'html':
        target = app.builder.get_target_uri(app.config.root_doc)
        page = f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={target}">'
        page += f'<title>{app.config.project}</title><a href="{target}">{app.config.project}</a>\n'
        (Path(app.outdir) / 'index.html').write_text(page, encoding='utf-8')
