"""Encoders of one's own, by a function in a file."""

import sys

import pytest
import torch
from own_encoders import OWN_ENCODERS
from safetensors.torch import save_file

from mmssl_robust.encoders import load_encoder
from mmssl_robust.utils.errors import UserError


@pytest.fixture
def file(tmp_path, request):
    name = f'own_encoders_{abs(hash(request.node.name))}'
    path = tmp_path / f'{name}.py'
    path.write_text(OWN_ENCODERS)
    yield path
    sys.modules.pop(name, None)


@torch.no_grad()
def test_a_module_of_ones_own_is_an_encoder_with_its_own_normalisation(file):
    encoder = load_encoder(f'{file}:tokens', 'featmap_cls')
    info = encoder.info
    assert info.mean == pytest.approx((127.5, 102, 76.5)) and info.std == pytest.approx((51, 51, 25.5))
    assert (info.patch_size, info.size_multiple, info.native_size, info.widths) == (8, 8, (32, 32), (6,))
    assert info.has_cls and not info.fixed_size and not encoder.training
    inputs = torch.randn(2, 3, 16, 40)
    ((featmap, cls_token),) = encoder(inputs)
    wanted = encoder.network.model.proj(inputs) / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(featmap, wanted)
    torch.testing.assert_close(cls_token, wanted.mean((2, 3)))


@pytest.mark.parametrize(
    ('name', 'patch', 'widths', 'has_cls', 'fixed'),
    [
        ('convolution', 4, (4,), False, False),
        ('vector', 224, (7,), True, False),
        ('one_size?size=24', 24, (7,), True, True),
        ('of_timm', 16, (64,), True, False),
        ('blocks', 8, (6, 6, 6), True, False),
    ],
)
def test_it_says_what_it_is_by_what_it_returns(name, patch, widths, has_cls, fixed, file):
    info = load_encoder(f'{file}:{name}').info
    assert (info.patch_size, info.widths, info.has_cls, info.fixed_size) == (patch, widths, has_cls, fixed)


@pytest.mark.parametrize('name', ['half_outputs', 'half_weights'])
def test_half_precision_is_taken_and_given_as_float(name, file):
    encoder = load_encoder(f'{file}:{name}', 'featmap_cls')
    inputs = torch.randn(1, 3, 32, 32, requires_grad=True)
    ((featmap, cls_token),) = encoder(inputs)
    assert featmap.dtype == cls_token.dtype == torch.float32
    (featmap.square().sum() + cls_token.square().sum()).backward()
    assert inputs.grad.abs().sum() > 0


def test_a_model_of_timm_brings_timms_settings(file):
    info = load_encoder(f'{file}:of_timm').info
    assert (info.mean, info.native_size) == ((127.5, 127.5, 127.5), (160, 160))


def test_the_spec_says_what_the_module_does_not(file):
    info = load_encoder(f'{file}:convolution?mean=0,0,0&std=1,1,1&size=48x64').info
    assert (info.mean, info.std, info.native_size) == ((0, 0, 0), (255, 255, 255), (48, 64))


@torch.no_grad()
def test_the_layers_of_dinov2s_interface_are_chosen(file):
    encoder = load_encoder(f'{file}:blocks', 'featmap_cls', out_indices=(-1, 0), final_norm=False)
    normed = load_encoder(f'{file}:blocks', 'featmap_cls', out_indices=(2,))
    normed.load_state_dict(encoder.state_dict())
    inputs = torch.randn(2, 3, 16, 24)
    last, first = encoder(inputs)
    model = encoder.network.model
    wanted = model.blocks[0](model.patch(inputs).flatten(2)).unflatten(2, (2, 3))
    torch.testing.assert_close(first[0], wanted)
    torch.testing.assert_close(normed(inputs)[0][1], 2 * last[1])


@torch.no_grad()
def test_a_checkpoint_is_loaded_strictly(file, tmp_path):
    state = load_encoder(f'{file}:tokens').network.model.state_dict()
    state = {name: torch.rand_like(tensor) if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    save_file(state, tmp_path / 'a.safetensors')
    encoder = load_encoder(f'{file}:tokens?checkpoint={tmp_path}/a.safetensors')
    torch.testing.assert_close(encoder.network.model.state_dict(), state)
    del state['norm.weight']
    save_file(state, tmp_path / 'b.safetensors')
    with pytest.raises(UserError, match='missing: norm.weight'):
        load_encoder(f'{file}:tokens?checkpoint={tmp_path}/b.safetensors')


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('nothing', 'has no function nothing'),
        ('a_number', 'returns a int'),
        ('failing', r'failing\(\) fails: no such file'),
        ('loaded_in_part', 'a part of its weights; missing: norm.weight'),
        ('one_size', 'cannot encode an image of 224x224'),
        ('tokens?patch_size=5', 'no grid of patches'),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(name, words, file):
    with pytest.raises(UserError, match=words) as error:
        load_encoder(f'{file}:{name}')
    assert '\n' not in str(error.value)


def test_a_vector_alone_has_no_map(file):
    encoder = load_encoder(f'{file}:vector', 'featmap')
    with pytest.raises(UserError, match='one vector an image'):
        encoder(torch.zeros(1, 3, 32, 32))


def test_a_module_that_is_there_is_as_good_as_a_function(file):
    assert load_encoder(f'{file}:a_module').info.patch_size == 8
