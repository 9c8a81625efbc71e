"""Formulas without a script."""

import pytest


@pytest.fixture
def formulas(tool):
    for library in ('sphinx', 'ziamath'):
        pytest.importorskip(library, reason='formulas need the extra docs')
    return tool('formulas')


def test_a_formula_is_drawn_with_its_latex_for_whoever_listens(formulas):
    svg = formulas.drawing(r'x^{(t+1)} < \epsilon', True)
    assert svg.startswith('<svg class="math" role="img" aria-label="x^{(t+1)} &lt; \\epsilon" style="width:')
    assert '<path' in svg


def test_a_formula_of_its_own_is_larger(formulas):
    def height(inline):
        return float(formulas.drawing(r'\sum_{i=1}^N \frac{1}{i}', inline).partition('height:')[2].partition('em')[0])

    assert height(inline=False) > height(inline=True)


@pytest.mark.parametrize(
    'latex',
    [
        r'\max_{\lVert\delta\rVert_\infty \le \varepsilon} \mathcal{L}\big(f(x+\delta), y\big)',
        r'\operatorname{sign}\nabla_x \mathbb{E}\left[\sum_{i=1}^{N} \log p_i\right]',
        r'\begin{aligned} a &= b \\ c &= d \end{aligned}',
        r'\begin{cases} 1 & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}',
        r"\hat{y}_c, \quad \bar{x}, \tilde{x}, x', \mathbf{z}^\top, \sqrt{\alpha}",
    ],
)
def test_what_the_pages_need_is_known(formulas, latex):
    assert '<svg' in formulas.drawing(latex, False)


@pytest.mark.parametrize('latex', [r'\nonsense{x}', r'\operatorname*{arg\,max}_x'])
def test_what_is_unknown_is_a_warning_and_not_drawn_wrong(formulas, latex, monkeypatch):
    from docutils import nodes

    said = []
    monkeypatch.setattr(formulas.LOGGER, 'warning', lambda text, *parts, **_: said.append(text % parts))
    assert formulas.formula(nodes.math(latex, latex), inline=True).startswith('<code>')
    assert 'unknown to latex2mathml' in said[0]
