"""Formulas as MathML, which browsers draw by themselves: no script, no network, and sharp in print."""

from html import escape

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

LOGGER = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer('mathml', (visit_math, None), (visit_displaymath, None))
    return dict(parallel_read_safe=True, parallel_write_safe=True)


def visit_math(translator: HTML5Translator, node: nodes.math) -> None:
    """A formula in a line."""
    translator.body.append(formula(node, 'inline'))
    raise nodes.SkipNode


def visit_displaymath(translator: HTML5Translator, node: nodes.math_block) -> None:
    """A formula of its own, with its label to be linked to."""
    anchors = ''.join(f' id="{escape(name)}"' for name in node['ids'][:1])
    translator.body.append(f'<div class="math"{anchors}>{formula(node, "block")}</div>\n')
    raise nodes.SkipNode


def formula(node: nodes.Element, display: str) -> str:
    """The formula, with its LaTeX for whoever copies or listens to it."""
    latex = node.astext().strip()
    try:
        text = convert(latex, display=display)
    except Exception as error:  # whatever the library thinks of what it cannot read
        LOGGER.warning('no MathML of %s: %r', latex, error, location=node)
        return f'<code>{escape(latex)}</code>'
    return text.replace('<math ', f'<math alttext="{escape(latex)}" ', 1)
