"""Which plain values are of which types."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

from mmssl_robust.attacks import PGD
from mmssl_robust.utils.annotations import fits

Norm = Literal['linf', 'l2']


@pytest.mark.parametrize(
    'hint, good, bad',
    [
        (int, [0, -1, 10**30], [True, 1.0, '1', None, [1]]),
        (float, [0, 1.5], [False, '1', None]),
        (bool, [True], [0, 1, 'False', None]),
        (str, ['', 'a'], [1, None, ['a'], b'a']),
        (int | None, [None, 3], ['3', 1.5]),
        (float | str, [1, 1.5, '8/255'], [True, None, [1.0]]),
        (Norm, ['linf'], ['l9', 1, None]),
        (list[int], [[], [1, 2], (1,)], ['12', [True], [None], 3, {}]),
        (Sequence[str], [['a']], ['a', [1]]),
        (tuple[int, str], [(1, 'a'), [1, 'a']], [(1,), (1, 2), (1, 'a', 3)]),
        (tuple[int, ...], [(), (1, 2)], [('a',), 1]),
        (Mapping[str, int], [{}, dict(a=1)], [dict(a='1'), [], None]),
        (dict, [dict(a=object())], [[]]),
        (Any, [object()], []),
        (PGD, [3], []),
    ],
)
def test_fits(hint, good, bad):
    assert all(fits(value, hint) for value in good)
    assert not any(fits(value, hint) for value in bad)
