"""Layers of further kinds of transformers' models, and models of which no tokens can be told."""

import pytest
import torch
from hf_models import SMALL, images, saved, transformers

from mmssl_robust.encoders import Encoder, load_encoder
from mmssl_robust.utils.errors import UserError


@pytest.mark.parametrize('size', [(32, 32), (48, 24)])
@torch.no_grad()
def test_radio_gives_its_summary_and_spatial_features(size, tmp_path):
    own = saved('Radio', tmp_path)
    encoder = load_encoder(f'hf:{tmp_path}', 'featmap_cls', out_indices=(1, -1))
    inputs = images(*size).sigmoid()
    (middle, _), (featmap, cls_token) = encoder(inputs)
    output = own(inputs, output_hidden_states=True)
    torch.testing.assert_close(featmap.flatten(2).transpose(1, 2), output.features)
    torch.testing.assert_close(cls_token, output.last_hidden_state[:, 0])
    torch.testing.assert_close(middle.flatten(2).transpose(1, 2), output.hidden_states[2][:, 5:])
    summary = load_encoder(f'hf:{tmp_path}?pool=summary')
    torch.testing.assert_close(summary(inputs)[0], output.summary)
    assert (summary.info.widths[-1], summary.info.cls_parts, encoder.info.cls_parts) == (32, 2, 1)


def test_radio_normalises_images_itself(tmp_path):
    saved('Radio', tmp_path)
    for settings in ('{"do_normalize": false}', '{}'):
        (tmp_path / 'preprocessor_config.json').write_text(settings)
        info = Encoder(f'hf:{tmp_path}').info
        assert (info.mean, info.std) == ((0, 0, 0), (255, 255, 255))


@torch.no_grad()
def test_the_norm_of_maps_that_groups_channels_comes_before_the_pool(tmp_path):
    config = transformers.BitConfig(embedding_size=32, hidden_sizes=[32, 64], depths=[1, 1], num_groups=4)
    own = transformers.AutoModel.from_config(config).eval()
    own.save_pretrained(tmp_path)
    ((featmap, pooled),) = load_encoder(f'hf:{tmp_path}', 'featmap_cls')(images(64, 96))
    output = own(images(64, 96))
    torch.testing.assert_close(featmap, output.last_hidden_state)
    torch.testing.assert_close(pooled, output.pooler_output.flatten(1))


def test_a_model_of_one_size_says_so(tmp_path):
    saved('Aimv2Vision', tmp_path)
    encoder = load_encoder(f'hf:{tmp_path}')
    assert encoder.info.fixed_size
    with pytest.raises(UserError, match='takes images of 32x32 alone'):
        encoder(images(48, 24))


@pytest.mark.parametrize(
    ('name', 'words'), [('Siglip2Vision', 'NaFlex.*google/siglip2-base'), ('TimmWrapper', 'write timm:NAME')]
)
def test_what_comes_under_another_name_is_named(name, words, tmp_path):
    settings = dict(architecture='test_vit') if name == 'TimmWrapper' else SMALL
    config = getattr(transformers, f'{name}Config')(**settings)
    config.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=words) as error:
        Encoder(f'hf:{tmp_path}?weights=random')
    assert '\n' not in str(error.value)


def test_tokens_behind_the_patches_are_not_taken_for_some_before_them(tmp_path):
    saved('Yolos', tmp_path, image_size=[32, 32])
    with pytest.raises(UserError, match='row by row'):
        Encoder(f'hf:{tmp_path}')
