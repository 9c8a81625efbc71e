import pytest

from mmssl_robust.utils.names import nearest
from mmssl_robust.utils.wording import counted, listed, spoken


def test_numbers_of_things():
    assert [counted(number, 'image') for number in (0, 1, 2)] == ['0 images', '1 image', '2 images']


@pytest.mark.parametrize(
    'seconds, words',
    [(0, '0 s'), (59.4, '59 s'), (60, '1 min'), (3540, '59 min'), (3600, '1 h 0 min'), (7500, '2 h 5 min')],
)
def test_times(seconds, words):
    assert spoken(seconds) == words


def test_lists():
    assert [listed(list(parts)) for parts in ('', 'a', 'ab', 'abc')] == ['', 'a', 'a and b', 'a, b and c']


def test_the_nearest_names_or_all():
    assert nearest('segpdg', ['pgd', 'segpgd', 'embed']).startswith(': did you mean segpgd')
    assert nearest('xyz', ['pgd', 'segpgd']) == ': use one of pgd, segpgd'
