"""What modules return, and what is made of it."""

from collections import OrderedDict

import pytest
import torch

from mmssl_robust.encoders.outputs import read_layers
from mmssl_robust.utils.errors import UserError

SIZE = (32, 48)
VECTOR = torch.randn(2, 5)
MAP = torch.randn(2, 5, 4, 6)
PATCHES = MAP.flatten(2).transpose(1, 2)
TOKENS = torch.cat((VECTOR[:, None], torch.randn(2, 4, 5), PATCHES), dim=1)  # CLS, registers, patches


@pytest.mark.parametrize(
    'output',
    [
        (VECTOR, MAP),
        [MAP, VECTOR],
        (VECTOR, PATCHES),
        [(MAP, VECTOR)],
        TOKENS,
        (TOKENS,),
        dict(x_norm_clstoken=VECTOR, x_norm_patchtokens=PATCHES, x_prenorm=TOKENS, masks=None),
        dict(cls_token=VECTOR, featmap=MAP),
        OrderedDict(last_hidden_state=TOKENS, pooler_output=torch.randn(2, 5)),
    ],
)
def test_vector_and_map_are_found_in_each_form(output):
    (layer,) = read_layers(output, SIZE, None)
    torch.testing.assert_close(layer.cls_token, VECTOR)
    torch.testing.assert_close(layer.featmap, MAP)
    assert layer.patch == 8 and layer.has_cls


def test_a_vector_alone_or_a_map_alone_is_what_it_is():
    (layer,) = read_layers(VECTOR, SIZE, None)
    assert layer.featmap is None and layer.patch is None
    (layer,) = read_layers(dict(out=MAP), SIZE, None)
    assert layer.cls_token is None and not layer.has_cls


@pytest.mark.parametrize('output', [[MAP, MAP, MAP[..., ::2, ::2]], OrderedDict(a=MAP, b=MAP, c=MAP[..., ::2, ::2])])
def test_several_maps_are_layers(output):
    assert [layer.patch for layer in read_layers(output, SIZE, None)] == [8, 8, 16]


@pytest.mark.parametrize(('rows', 'columns', 'size'), [(2, 1, (33, 32)), (10, 2, (320, 33)), (3, 10, (95, 300))])
def test_a_map_may_have_a_row_or_column_more_than_the_stride_says(rows, columns, size):
    (layer,) = read_layers(torch.zeros(1, 5, rows, columns), size, None)
    assert layer.featmap.shape == (1, 5, rows, columns)


def test_pairs_are_layers():
    first, second = read_layers([(MAP, VECTOR), (2 * MAP, 2 * VECTOR)], SIZE, None)
    torch.testing.assert_close(second.featmap, 2 * first.featmap)


def test_the_pool_of_a_model_without_cls_stands_for_it():
    (layer,) = read_layers(OrderedDict(last_hidden_state=PATCHES, pooler_output=VECTOR), SIZE, None)
    torch.testing.assert_close(layer.cls_token, VECTOR)
    torch.testing.assert_close(layer.featmap, MAP)


@pytest.mark.parametrize(
    ('output', 'patch', 'words'),
    [
        (None, None, 'returns a NoneType'),
        (torch.zeros(3), None, r'a tensor of shape \(3,\)'),
        (dict(logits=VECTOR), None, 'a dictionary of logits'),
        (torch.zeros(2, 100, 5), 8, 'no grid of patches'),
        ([], None, 'returns a list'),
        (MAP.permute(0, 2, 3, 1), None, 'channels last'),
        ((VECTOR, torch.zeros(2, 4, 6, 96)), None, r'shape \(2, 4, 6, 96\)'),
    ],
)
def test_what_is_not_understood_is_said_in_a_line(output, patch, words):
    with pytest.raises(UserError, match=words) as error:
        read_layers(output, SIZE, patch)
    assert '\n' not in str(error.value)
