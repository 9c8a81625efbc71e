"""Numbers as people write them."""

import numpy as np
import pytest

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.numbers import check_integer, check_number, parse_number


@pytest.mark.parametrize('text', ['1e-400', '0.01E-9999', '-1e-400', '1e-300/1e300', '1/1e400'])
def test_what_cannot_be_told_from_zero(text):
    with pytest.raises(UserError, match='too small'):
        parse_number(text, 'eps')


@pytest.mark.parametrize(
    'text, value', [('8/255', 8 / 255), ('0.03', 0.03), (' 1 / 4 ', 0.25), ('1e-3', 1e-3), (2, 2.0)]
)
def test_what_is_a_number(text, value):
    assert parse_number(text, 'eps') == value


@pytest.mark.parametrize('text', ['', 'x', '８/255', '8/２55', '1_0', '1/0', '1/2/3', True, None, [1]])
def test_what_is_none(text):
    with pytest.raises(UserError, match='^eps=.* is no number'):
        parse_number(text, 'eps')


@pytest.mark.parametrize(
    'text', ['1e400', '1e999999999', '-1e999999999', 'inf', 'nan', float('inf'), 10**400, '1/1e-320']
)
def test_what_is_not_finite_and_takes_no_time(text):
    with pytest.raises(UserError, match='is not finite'):
        parse_number(text, 'eps')


@pytest.mark.parametrize('value', [0, -1, 8, True, 2.0, '3', None, float('nan')])
def test_integers_out_of_range(value):
    with pytest.raises(UserError, match='^n=.*: give an integer of at least 1 and of at most 7$'):
        check_integer(value, 'n', 1, 7)


@pytest.mark.parametrize('value', [0, -1.0, True, '3', None, float('nan'), float('inf'), 2.5])
def test_numbers_out_of_range(value):
    with pytest.raises(UserError, match='^x=.*: give a finite number above 0 and of at most 2$'):
        check_number(value, 'x', above=0, most=2)


def test_values_come_back():
    assert check_integer(np.int64(3), 'n', 1) == 3 and check_number(1.5, 'x', least=0) == 1.5


@pytest.mark.parametrize('value', [np.float32(2), np.int64(2), np.uint8(2), np.float64(2)])
def test_numbers_of_numpy_become_pythons(value):
    found = check_number(value, 'rate', above=0)
    assert found == 2 and isinstance(found, (int, float))


@pytest.mark.parametrize('text', ['0', '0e5', '-0.0', '.0E-999', '0/255', '0/1e300'])
def test_zero_is_a_number(text):
    assert parse_number(text, 'eps') == 0
