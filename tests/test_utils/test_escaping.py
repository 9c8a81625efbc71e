"""What a format would obey it prints."""

import io
import re

import pandas as pd
import pytest

from mmssl_robust.utils.escaping import code, from_spreadsheet, latex, markdown, plotted, spreadsheet

HOSTILE = [
    r'\immediate\write18{touch x}',
    '^^5cinput{/etc/passwd}',
    '<script>alert(1)</script>',
    '[a](javascript:alert(1))',
    '![a](http://x/y.png)',
    '=cmd|"/C calc"!A0',
    'a|b',
    'a`b`',
    'a\n\n# b',
    'a $x$ %&#_{}~',
    '\u202egnp.exe',
]


@pytest.mark.parametrize('text', HOSTILE)
def test_latex(text):
    """No sign that TeX acts upon but in the commands that print one, and no new paragraph."""
    left = re.sub(r'\\text(backslash|asciicircum|asciitilde|less|greater|quotedbl)\{\}|\\[&%$#_{}]', '', latex(text))
    assert not set(left) & set('\\&%$#_{}^~<>"\n\u202e')


@pytest.mark.parametrize('text', HOSTILE)
def test_markdown(text):
    found = markdown(text)
    assert not re.search(r'[<>\n\u202e]', found)
    assert not re.search(r'(?<!\\)[`|\[\]]', found)
    assert '`' not in code(text)


def test_what_is_harmless_stays():
    for text in ('DINO ViT-B/16, top-1', 'ä 8/255', '50.1 (3 of 6)'):
        assert latex(text) == markdown(text) == plotted(text) == code(text) == text
    assert plotted('a $b$') == r'a \$b\$'


@pytest.mark.parametrize('text', ['=1+1', '+1', '-x', '@SUM(A1)', '\t=1', "'=1", "''@a", ' =1', "  '=1", "'  =1"])
def test_spreadsheet(text):
    """No text begins as a formula does; it is what it was when it is read by us, and numbers are numbers."""
    table = pd.DataFrame(dict(a=[text, "'quoted'", 'a=b'], b=[-1.5, 2, float('nan')]))
    written = spreadsheet(table)
    assert written['a'][0] == f"'{text}" and written['a'][1:].tolist() == ["'quoted'", 'a=b']
    pd.testing.assert_series_equal(written['b'], table['b'])
    read = pd.read_csv(io.StringIO(written.to_csv(index=False)))
    pd.testing.assert_frame_equal(from_spreadsheet(read), table)


def test_ends_of_lines_within_a_text():
    written = spreadsheet(pd.DataFrame(dict(a=['\r=1', 'b\n=c']))).to_csv(index=False)
    assert written.splitlines() == ['a', "' =1", 'b =c']
