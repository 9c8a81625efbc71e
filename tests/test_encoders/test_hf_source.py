"""transformers' vision models: the tokens of transformers' own forward."""

import json

import pytest
import torch
from hf_models import SMALL, images, saved, transformers

from mmssl_robust.encoders import Encoder, load_encoder
from mmssl_robust.utils.errors import UserError


@pytest.mark.parametrize(
    ('name', 'size', 'prefix'),
    [
        ('Dinov2', (32, 32), 1),
        ('Dinov2', (48, 24), 1),
        ('Dinov2WithRegisters', (48, 24), 5),
        ('DINOv3ViT', (48, 24), 5),
        ('ViT', (48, 24), 1),
        ('IJepa', (48, 24), 0),
    ],
)
@torch.no_grad()
def test_tokens_are_those_of_the_models_own_forward(name, size, prefix, tmp_path):
    settings = dict(num_register_tokens=4) if name == 'DINOv3ViT' else {}
    own = saved(name, tmp_path, **settings)
    encoder = load_encoder(f'hf:{tmp_path}', 'featmap_cls')
    inputs = images(*size)
    ((featmap, cls_token),) = encoder(inputs)
    interpolate = {} if name.startswith('DIN') or name.startswith('Dino') else dict(interpolate_pos_encoding=True)
    tokens = own(inputs, **interpolate).last_hidden_state
    patches = tokens[:, prefix:]
    torch.testing.assert_close(featmap.flatten(2).transpose(1, 2), patches)
    torch.testing.assert_close(cls_token, tokens[:, 0] if prefix else patches.mean(1))
    assert (encoder.info.has_cls, encoder.patch_size, encoder.info.native_size) == (prefix > 0, 8, (32, 32))
    assert encoder.info.mean == pytest.approx((127.5, 102, 76.5)) and encoder.info.std[2] == pytest.approx(25.5)


@torch.no_grad()
def test_layers_come_before_and_after_the_norm(tmp_path):
    own = saved('Dinov2', tmp_path)
    inputs = images(32, 48)
    states = own(inputs, output_hidden_states=True).hidden_states
    raw = load_encoder(f'hf:{tmp_path}', out_indices=(-1, 0), final_norm=False)(inputs)
    for ours, theirs in zip(raw, (states[3], states[1])):
        torch.testing.assert_close(ours, theirs[:, 0])
    normed = load_encoder(f'hf:{tmp_path}', out_indices=(1,))(inputs)[0]
    torch.testing.assert_close(normed, own.layernorm(states[2])[:, 0])


@torch.no_grad()
def test_siglip_gives_its_attention_pool(tmp_path):
    text = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=20)
    settings = dict(vision_config=SMALL, text_config=text)
    own = saved('Siglip', tmp_path, **settings)
    encoder = load_encoder(f'hf:{tmp_path}', 'featmap_cls')
    inputs = images(32, 32)
    ((featmap, pooled),) = encoder(inputs)
    wanted = own.vision_model(inputs)
    torch.testing.assert_close(pooled, wanted.pooler_output)
    torch.testing.assert_close(featmap.flatten(2).transpose(1, 2), wanted.last_hidden_state)
    mean = load_encoder(f'hf:{tmp_path}?pool=avg')(inputs)[0]
    torch.testing.assert_close(mean, wanted.last_hidden_state.mean(1))


@torch.no_grad()
def test_clips_cls_token_is_normed_as_its_pooler_does(tmp_path):
    own = saved('CLIPVision', tmp_path)
    inputs = images(32, 32)
    cls_token = load_encoder(f'hf:{tmp_path}')(inputs)[0]
    torch.testing.assert_close(cls_token, own(inputs).pooler_output)


@torch.no_grad()
def test_dinov3s_convnext_gives_normed_maps_and_its_pool(tmp_path):
    own = saved('DINOv3ConvNext', tmp_path)
    encoder = load_encoder(f'hf:{tmp_path}', 'featmap_cls', out_indices=(1, 3))
    inputs = images(64, 96)
    (second, _), (featmap, pooled) = encoder(inputs)
    output = own(inputs, output_hidden_states=True)
    torch.testing.assert_close(pooled, output.pooler_output)
    torch.testing.assert_close(featmap.flatten(2).transpose(1, 2), output.last_hidden_state[:, 1:])
    torch.testing.assert_close(second, output.hidden_states[2])
    assert (encoder.info.widths, encoder.patch_size) == ((8, 16, 24, 32), 32)


@torch.no_grad()
def test_a_classifiers_checkpoint_is_an_encoder(tmp_path):
    config = transformers.Dinov2Config(**SMALL, num_labels=3)
    own = transformers.Dinov2ForImageClassification(config).eval()
    own.save_pretrained(tmp_path)
    encoder = load_encoder(f'hf:{tmp_path}')
    inputs = images(32, 32)
    torch.testing.assert_close(encoder(inputs)[0], own.dinov2(inputs).last_hidden_state[:, 0])
    assert encoder.loaded_weights.left_out == ['classifier']
    assert encoder.info.mean[0] == 123.675  # with a warning: nothing says it


def test_weights_are_whole_or_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    saved('Dinov2', tmp_path)
    state = load_file(tmp_path / 'model.safetensors')
    del state['layernorm.weight']
    save_file(state, tmp_path / 'model.safetensors', metadata=dict(format='pt'))
    with pytest.raises(UserError, match='missing, or of another shape: layernorm.weight'):
        load_encoder(f'hf:{tmp_path}')


def test_a_pooler_that_nobody_reads_may_lack(tmp_path):
    from safetensors.torch import load_file, save_file

    saved('ViT', tmp_path)
    state = {name: tensor for name, tensor in load_file(tmp_path / 'model.safetensors').items() if 'pooler' not in name}
    save_file(state, tmp_path / 'model.safetensors', metadata=dict(format='pt'))
    assert load_encoder(f'hf:{tmp_path}').loaded_weights


def test_pickles_are_not_read(tmp_path):
    own = saved('Dinov2', tmp_path)
    (tmp_path / 'model.safetensors').unlink()
    torch.save(own.state_dict(), tmp_path / 'pytorch_model.bin')
    with pytest.raises(UserError, match='cannot load it') as error:
        load_encoder(f'hf:{tmp_path}')
    assert '\n' not in str(error.value)


def test_code_of_a_repository_is_not_run(tmp_path):
    saved('Dinov2', tmp_path)
    config = json.loads((tmp_path / 'config.json').read_text())
    config |= dict(model_type='own', auto_map=dict(AutoConfig='own.Config', AutoModel='own.Model'))
    (tmp_path / 'config.json').write_text(json.dumps(config))
    (tmp_path / 'own.py').write_text('raise SystemExit')
    with pytest.raises(UserError, match='cannot make it'):
        Encoder(f'hf:{tmp_path}')


@pytest.mark.parametrize('name', ['ViTMAE', 'Swin'])
def test_models_whose_tokens_cannot_be_told_are_refused(name, tmp_path):
    if name == 'Swin':
        config = transformers.SwinConfig(image_size=32, embed_dim=16, depths=[1, 1], num_heads=[1, 1], window_size=4)
        transformers.AutoModel.from_config(config).save_pretrained(tmp_path)
    else:
        saved(name, tmp_path)
    with pytest.raises(UserError, match=f'told of a {name}Model') as error:
        Encoder(f'hf:{tmp_path}')
    assert '\n' not in str(error.value)


def test_random_weights_need_the_settings_alone(tmp_path):
    saved('Dinov2', tmp_path)
    (tmp_path / 'model.safetensors').unlink()
    assert load_encoder(f'hf:{tmp_path}?weights=random&seed=1').loaded_weights.source == 'random weights, seed 1'


def test_the_mirror_is_looked_into(tmp_path, monkeypatch):
    folder = tmp_path / 'owner' / 'model'
    folder.mkdir(parents=True)
    saved('Dinov2', folder)
    monkeypatch.setenv('MMSSL_WEIGHTS', str(tmp_path))
    assert load_encoder('hf:owner/model').patch_size == 8
