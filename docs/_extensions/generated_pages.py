"""Writes the pages that are made of the package, before Sphinx looks for pages."""

import mmssl_robust.utils.startup  # noqa: F401  hushes what libraries say when they are imported

from pathlib import Path

import api
import config_reference
import model_zoo
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect('builder-inited', write_pages)
    return dict(parallel_read_safe=True, parallel_write_safe=True)


def write_pages(app: Sphinx) -> None:
    """Write what changed, and delete what is no longer made."""
    docs = Path(app.confdir)
    configs, zoo = docs / 'reference/configs.md', docs / 'model_zoo.md'
    pages = {docs / 'reference/api' / name: text for name, text in api.pages().items()}
    pages |= {configs: config_reference.page(docs.parent / 'configs', configs), zoo: model_zoo.page(zoo)}
    for path, text in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding='utf-8') != text:
            path.write_text(text, encoding='utf-8')
    for path in (docs / 'reference').rglob('*'):
        if path.is_file() and path not in pages:
            path.unlink()
