"""Links from docstrings that name a thing without its package, where only one has that name."""

from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PythonDomain


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect('missing-reference', resolve)
    return dict(parallel_read_safe=True, parallel_write_safe=True)


def resolve(app: Sphinx, env: Any, node: pending_xref, content: nodes.TextElement) -> nodes.Element | None:
    """The link, if one thing alone is called so."""
    if node['refdomain'] != 'py' or node['reftype'] == 'mod':
        return None
    domain: PythonDomain = env.domains['py']
    name = '.' + node['reftarget'].lstrip('.')
    found = [full for full, entry in domain.objects.items() if not entry.aliased and f'.{full}'.endswith(name)]
    if len(found) != 1:
        return None
    node['reftarget'] = found[0]
    return domain.resolve_xref(env, node['refdoc'], app.builder, node['reftype'], found[0], node, content)
