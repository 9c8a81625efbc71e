"""Encoders of MMPretrain's zoo: the tokens of MMPretrain's own forward."""

import pytest
import torch
from mmpretrain import get_model
from safetensors.torch import save_file

from mmssl_robust.encoders import Encoder, load_encoder
from mmssl_robust.utils.errors import UserError


def saved(model, tmp_path):
    generator = torch.Generator().manual_seed(0)
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(0.02 * torch.randn(tensor.shape, generator=generator))
    path = tmp_path / 'a.safetensors'
    save_file(model.state_dict(), path)
    return path


@torch.no_grad()
def test_a_resnet_gives_the_maps_of_its_stages(tmp_path):
    own = get_model('resnet18_8xb32_in1k', backbone=dict(out_indices=(1, 3)))
    spec = f'mmpretrain:resnet18_8xb32_in1k?checkpoint={saved(own, tmp_path)}'
    encoder = load_encoder(spec, 'featmap', out_indices=(1, 3))
    inputs = torch.randn(2, 3, 64, 96)
    torch.testing.assert_close(encoder(inputs), own.extract_feat(inputs, stage='backbone'))
    assert (encoder.info.widths, encoder.patch_size, encoder.info.has_cls) == ((64, 128, 256, 512), 32, False)
    pooled = load_encoder(spec)(inputs)[0]
    torch.testing.assert_close(pooled, own.extract_feat(inputs, stage='backbone')[-1].mean((2, 3)))


@torch.no_grad()
def test_a_vit_gives_cls_and_patches_at_any_size(tmp_path):
    name = 'deit-tiny_4xb256_in1k'
    own = get_model(name)
    spec = f'mmpretrain:{name}?checkpoint={saved(own, tmp_path)}'
    inputs = torch.randn(2, 3, 32, 48)
    own.backbone.out_type = 'raw'
    tokens = own.backbone(inputs)[0]
    ((featmap, cls_token),) = load_encoder(spec, 'featmap_cls')(inputs)
    torch.testing.assert_close(cls_token, tokens[:, 0])
    torch.testing.assert_close(featmap.flatten(2).transpose(1, 2), tokens[:, 1:])
    pooled = load_encoder(f'{spec}&pool=avg')(inputs)[0]
    torch.testing.assert_close(pooled, tokens[:, 1:].mean(1))


def test_what_mmpretrain_does_not_have_is_said_in_a_line():
    with pytest.raises(UserError, match='did you mean mmpretrain:resnet18_8xb32_in1k?'):
        Encoder('mmpretrain:resnet18_8xb32_in1')
    with pytest.raises(UserError, match='use avg'):
        Encoder('mmpretrain:resnet18_8xb32_in1k?weights=random&pool=token')
