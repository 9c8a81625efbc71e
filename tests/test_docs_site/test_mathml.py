"""Formulas without a script."""

import pytest


@pytest.fixture
def formula(tool):
    pytest.importorskip('latex2mathml', reason='formulas need the extra docs')
    pytest.importorskip('sphinx', reason='formulas need the extra docs')
    from docutils import nodes

    return lambda latex, display='inline': tool('mathml').formula(nodes.math(latex, latex), display)


def test_a_formula_keeps_its_latex_for_whoever_copies_it(formula):
    text = formula(r'x^{(t+1)} < \epsilon')
    assert text.startswith('<math alttext="x^{(t+1)} &lt; \\epsilon" ')
    assert '<msup>' in text


def test_a_formula_of_its_own_is_a_block(formula):
    assert 'display="block"' in formula(r'\frac{1}{2}', 'block')


@pytest.mark.parametrize(
    'latex',
    [
        r'\max_{\lVert\delta\rVert_\infty \le \varepsilon} \mathcal{L}\big(f(x+\delta), y\big)',
        r'\operatorname{sign}\nabla_x \mathbb{E}\left[\sum_{i=1}^{N} \log p_i\right]',
        r'\begin{aligned} a &= b \\ c &= d \end{aligned}',
        r'\begin{cases} 1 & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}',
        r'\operatorname*{arg\,max}_{c} \hat{y}_c, \quad \bar{x}, \tilde{x}, \mathbf{z}^\top, \sqrt{\alpha}',
    ],
)
def test_what_the_pages_need_is_known(formula, latex):
    assert '<code>' not in formula(latex)
    assert '\\' not in formula(latex).partition('>')[2]
