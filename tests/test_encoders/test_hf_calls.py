"""How models are called; V-JEPA 2, a model of videos, on images: the tokens of its own forward."""

import copy

import pytest
import torch
from hf_models import SMALL, images, saved, transformers

from mmssl_robust.encoders import load_encoder

# Of the 48 channels of a head 16 turn with the frame, 16 with the row, 16 with the column.
VIDEO = SMALL | dict(hidden_size=96, crop_size=32, tubelet_size=2, frames_per_clip=4, pred_num_hidden_layers=3)


@torch.no_grad()
def test_v_jepa_2_sees_an_image_as_a_still_of_one_tubelet(tmp_path):
    own = saved('VJEPA2', tmp_path, **VIDEO)
    encoder = load_encoder(f'hf:{tmp_path}', 'featmap_cls', out_indices=(1, -1))
    inputs = images(32, 32)
    (middle, _), (featmap, pooled) = encoder(inputs)
    output = own(inputs[:, None].repeat(1, 2, 1, 1, 1), skip_predictor=True, output_hidden_states=True)
    torch.testing.assert_close(featmap.flatten(2).transpose(1, 2), output.last_hidden_state)
    torch.testing.assert_close(pooled, output.last_hidden_state.mean(1))
    normed = own.encoder.layernorm(output.hidden_states[2])
    torch.testing.assert_close(middle.flatten(2).transpose(1, 2), normed)
    info = encoder.info
    assert (info.has_cls, info.patch_size, info.native_size, info.fixed_size) == (False, 8, (32, 32), False)
    assert 'encoder.layernorm' not in encoder.loaded_weights.left_out


@torch.no_grad()
def test_v_jepa_2_tells_rows_and_columns_of_images_of_any_size(tmp_path):
    """Nothing in the weights depends on the size: a model that is made for another square is a reference for that."""
    own = saved('VJEPA2', tmp_path, **VIDEO)
    larger = transformers.VJEPA2Model(transformers.VJEPA2Config(**VIDEO | dict(crop_size=48))).eval()
    larger.load_state_dict(own.state_dict())
    encoder = load_encoder(f'hf:{tmp_path}', 'featmap')
    inputs = images(48, 48)
    wanted = larger(inputs[:, None], skip_predictor=True).last_hidden_state
    torch.testing.assert_close(encoder(inputs)[0].flatten(2).transpose(1, 2), wanted)
    # Of a part of that square the positions are those of its upper rows.
    wide = inputs[..., :24, :]
    places = torch.arange(18).expand(2, -1)
    x = larger.encoder.embeddings(wide[:, None])
    for block in larger.encoder.layer:
        x = block(x, places)[0]
    torch.testing.assert_close(encoder(wide)[0].flatten(2).transpose(1, 2), larger.encoder.layernorm(x))


@pytest.mark.parametrize(('name', 'settings'), [('VJEPA2', VIDEO), ('Dinov2', {})])
@torch.no_grad()
def test_a_copy_is_on_its_own(name, settings, tmp_path):
    saved(name, tmp_path, **settings)
    encoder = load_encoder(f'hf:{tmp_path}')
    inputs = images(48, 24)
    before = encoder(inputs)[0]
    other = copy.deepcopy(encoder)
    torch.testing.assert_close(other(inputs)[0], before)
    for parameter in other.parameters():
        parameter.add_(1)
    assert not torch.allclose(other(inputs)[0], before)
    encoder(images(16, 16))
    torch.testing.assert_close(encoder(inputs)[0], before)
