"""A checkpoint by its path, and the encoders that ship with the package."""

import pytest
import torch
from safetensors.torch import save_file

from mmssl_robust.encoders import Encoder, load_encoder
from mmssl_robust.encoders.checkpoint_source import _KNOWN, _shape_of_arch
from mmssl_robust.models.backbones import DINOVisionTransformer
from mmssl_robust.registry import MODELS
from mmssl_robust.utils.config_files import find_config, read_config
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256

MINI = 'mmssl_robust://mini/encoder.safetensors'


@pytest.mark.parametrize(
    ('spec', 'file', 'model'),
    [
        ('mini', 'mini', 'mini_vit'),
        (MINI, 'mini', 'mini_vit'),
        ('mini_deacl', 'mini_deacl', 'mini_vit'),
        ('mini_robust', 'mini_robust', 'mini_wide_vit'),
    ],
)
@torch.no_grad()
def test_the_shipped_encoders_are_those_of_the_configs(spec, file, model):
    cfg = read_config(find_config(f'configs/_base_/models/{model}.py')).encoder
    cfg.init_cfg.checkpoint = f'mmssl_robust://{file}/encoder.safetensors'
    ours = MODELS.build(cfg | dict(out_type='featmap_cls', out_indices=(2, 5)))
    ours.init_weights()
    encoder = load_encoder(spec, 'featmap_cls', out_indices=(2, 5))
    inputs = torch.randn(2, 3, 40, 64)
    torch.testing.assert_close(encoder(inputs), ours(inputs))
    assert encoder.loaded_weights.sha256 == ours.loaded_weights.sha256
    assert (encoder.info.native_size, encoder.patch_size, encoder.info.mean[0]) == ((64, 64), 8, 123.675)


def test_the_architecture_follows_from_the_shapes_where_they_say_it(tmp_path):
    shapes = [_shape_of_arch(arch) for arch in _KNOWN.values()]
    assert len(set(shapes)) == len(shapes)
    path = tmp_path / 'a.safetensors'
    save_file(DINOVisionTransformer('dino_vits16').state_dict(), path)
    encoder = load_encoder(str(path))
    assert (encoder.patch_size, encoder.embed_dims, encoder.info.depth) == (16, 384, 12)
    assert encoder.loaded_weights.sha256 == sha256(path)


def test_a_checkpoint_of_no_known_architecture_is_refused_in_a_line(tmp_path):
    path = tmp_path / 'a.safetensors'
    save_file({'cls_token': torch.zeros(1, 1, 7)}, path)
    with pytest.raises(UserError, match=r'do not say which architecture .*dinov2_vits14'):
        load_encoder(str(path))
    with pytest.raises(UserError, match='unknown arch=vit'):
        load_encoder(f'{path}?arch=vit')
    with pytest.raises(UserError, match='does not fit'):
        load_encoder(f'{path}?arch=dino_vits8')


def test_other_weights_may_be_given_and_are_loaded_strictly(tmp_path):
    state = {name: tensor + 1 for name, tensor in load_encoder('mini').network.model.state_dict().items()}
    path = tmp_path / 'a.safetensors'
    save_file(state, path)
    encoder = Encoder('mini', init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    encoder.init_weights()
    torch.testing.assert_close(encoder.network.model.state_dict(), state)
    assert encoder.loaded_weights.sha256 == sha256(path)
