"""What a file says is made anew: no attribute of the file answers a call, and nothing else gets in."""

import argparse
from collections import OrderedDict, defaultdict
from unittest.mock import patch

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader

from mmssl_robust.utils.checkpoint import read_checkpoint, register_safe_loaders
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.plain_values import plain_values


def attributed(value, **attributes):
    for name, attribute in attributes.items():
        setattr(value, name, attribute)
    return value


def test_a_method_that_the_file_hides(tmp_path):
    """`checkpoint.get('meta')` was `set('meta')`, no dict, so that MMEngine found, and ran, the config in it."""
    meta = dict(config='raise SystemExit', epoch=1)
    torch.save(attributed(OrderedDict(meta=meta, state_dict={}), get=set), tmp_path / 'hostile.pth')
    register_safe_loaders()
    with torch.serialization.safe_globals([set]):
        assert torch.load(tmp_path / 'hostile.pth', weights_only=True).get('meta') == set('meta')
    found = CheckpointLoader.load_checkpoint(str(tmp_path / 'hostile.pth'))
    assert type(found) is dict and found.get('meta') == dict(epoch=1)


@pytest.mark.parametrize(
    'value, kind',
    [
        (attributed(OrderedDict(a=1), items=set), dict),
        (attributed(torch.nn.Parameter(torch.ones(2)), isfinite=set, numel=set), torch.Tensor),
        (attributed(HistoryBuffer([1.0], [1]), mean=set, _set_default_statistics=set), HistoryBuffer),
        (argparse.Namespace(get=1), dict),
        (torch.Size([1, 2]), tuple),
        (np.float32(0.5), float),
        (bytearray(b'a'), bytes),
    ],
)
def test_kinds(value, kind):
    for found in (plain_values(value), plain_values([dict(inner=(value,))])[0]['inner'][0]):
        assert type(found) is kind
        assert not hasattr(found, '__dict__') or 'mean' not in vars(found) and 'isfinite' not in vars(found)


def test_values_stay():
    value = dict(a=[1, 2.5, None, 'text', b'b', True], b=(1,), c={1, 2}, d=frozenset('x'), e=torch.float16, f=3j)
    assert plain_values(value) == value
    tensor, array = torch.arange(3.0), np.arange(3)
    found = plain_values(dict(tensor=tensor, array=array, history=HistoryBuffer([1.0, 3.0], [1, 1])))
    assert found['tensor'].data_ptr() == tensor.data_ptr() and (found['array'] == array).all()
    assert found['history'].mean() == 2 and found['history'].current() == 3


def itself():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    'value, says',
    [
        (itself(), 'more than 200 levels'),
        (np.array([object()]), 'an array of objects'),
        (dict(a=range(3)), 'a builtins.range, which is no plain value'),
        ([set], 'a builtins.type, which is no plain value'),
        ({'a': len}, 'a builtins.builtin_function_or_method'),
    ],
)
def test_what_is_refused(value, says):
    with pytest.raises(UserError, match=says):
        plain_values(value)


def test_the_file_is_named(tmp_path):
    torch.save(dict(state_dict={}, more=itself()), tmp_path / 'a.pth')
    with pytest.raises(UserError, match=r'refused to load .*a.pth: it holds more than 200 levels'):
        read_checkpoint(tmp_path / 'a.pth')


def test_a_dictionary_of_another_class_is_a_plain_one():
    assert type(plain_values(defaultdict(list, a=[1]))) is dict


def test_a_list_in_itself_again_and_again(tmp_path):
    """Few bytes that would be 2 ** 100 values."""
    value = [1]
    for _ in range(100):
        value = [value, value]
    torch.save(value, tmp_path / 'laughs.pth')
    assert (tmp_path / 'laughs.pth').stat().st_size < 10_000
    with patch('mmssl_robust.utils.plain_values._MOST', 1000), pytest.raises(UserError, match='more than 1000 values'):
        read_checkpoint(tmp_path / 'laughs.pth')
