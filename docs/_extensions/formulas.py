"""Formulas as drawings in the page: no script, no network and no font is needed to see them, and they print sharp."""

import re
from functools import cache
from html import escape

import ziamath
from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

LOGGER = logging.getLogger(__name__)
SIZE = 18  # of the letters, in pixels of a text of 16: those of formulas are smaller than a text's of the same size
ziamath.config.svg2 = False  # letters by reference, whose names would be the same in every formula
ziamath.config.precision = 2


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer('drawn', (visit_math, None), (visit_displaymath, None))
    return dict(parallel_read_safe=True, parallel_write_safe=True)


def visit_math(translator: HTML5Translator, node: nodes.math) -> None:
    """A formula in a line."""
    translator.body.append(formula(node, inline=True))
    raise nodes.SkipNode


def visit_displaymath(translator: HTML5Translator, node: nodes.math_block) -> None:
    """A formula of its own, with its label to be linked to."""
    anchors = ''.join(f' id="{escape(name)}"' for name in node['ids'][:1])
    translator.body.append(f'<div class="math"{anchors}>{formula(node, inline=False)}</div>\n')
    raise nodes.SkipNode


def formula(node: nodes.Element, inline: bool) -> str:
    """The formula, with its LaTeX for whoever listens to it; a warning where it has what cannot be drawn."""
    latex = node.astext().strip()
    try:
        return drawing(latex, inline)
    except Exception as error:  # whatever the libraries think of what they cannot read
        LOGGER.warning('no drawing of %s: %s', latex, error, location=node)
        return f'<code>{escape(latex)}</code>'


@cache
def drawing(latex: str, inline: bool) -> str:
    """The SVG of a formula, as large as the text around it."""
    unknown = re.search(r'\\\w+', convert(latex))
    if unknown or r'\operatorname*' in latex:
        raise ValueError(f'{unknown[0] if unknown else "operatorname*"} is unknown to latex2mathml')
    drawn = ziamath.Latex(latex, size=SIZE, inline=inline)
    svg = drawn.svg()
    width, height = (float(re.search(rf' {side}="([\d.]+)"', svg)[1]) for side in ('width', 'height'))
    style = f'width:{width / 16:.3f}em;height:{height / 16:.3f}em;vertical-align:{drawn.getyofst() / 16:.3f}em'
    svg = re.sub(r' (?:width|height)="[\d.]+"', '', svg, count=2)
    return svg.replace('<svg ', f'<svg class="math" role="img" aria-label="{escape(latex)}" style="{style}" ', 1)
