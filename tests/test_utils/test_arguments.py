"""What command lines refuse."""

import pytest

from mmssl_robust.utils.arguments import Parser, integer, number
from mmssl_robust.utils.errors import UserError


def parsed(*words):
    parser = Parser('tool')
    parser.add_argument('--steps', type=integer(1))
    parser.add_argument('--rate', type=number(above=0))
    return parser.parse_args(words)


@pytest.mark.parametrize('text', ['0', '-1', '1.5', 'x', '', 'True', '１２', '1_000', '1e3', 'nan', '٣'])
def test_what_is_no_integer_in_range(text):
    with pytest.raises(UserError, match='^--steps=.*: give an integer of at least 1$'):
        parsed(f'--steps={text}')


@pytest.mark.parametrize('text', ['0', '-1', 'x', '', 'nan', 'inf', '1e400', '1e999999999', '１', '1_0', '1/0'])
def test_what_is_no_number_in_range(text):
    with pytest.raises(UserError, match='^--rate='):
        parsed(f'--rate={text}')


def test_what_can_be_meant():
    args = parsed('--steps', '12', '--rate', '8/255')
    assert (args.steps, args.rate) == (12, 8 / 255)


def test_what_is_unknown_is_one_line():
    with pytest.raises(UserError, match='^unrecognized arguments: --stpes 3: see --help$'):
        parsed('--stpes', '3')


@pytest.mark.parametrize(
    ('typed', 'message'), [(['--out', ''], 'what follows --out is empty'), ([''], 'the first argument')]
)
def test_nothing_may_be_empty(typed, message):
    parser = Parser('test')
    parser.add_argument('--out')
    parser.add_argument('rest', nargs='*')
    with pytest.raises(UserError, match=message):
        parser.parse_args(typed)
    assert parser.parse_args(['--out', 'a', 'b']).rest == ['b']
