"""Encoders by name: what is read, given back, and refused."""

import pytest

from mmssl_robust.commands.listing import encoders
from mmssl_robust.encoders import parse_spec
from mmssl_robust.utils.errors import UserError


@pytest.mark.parametrize(
    ('text', 'source', 'name', 'options'),
    [
        ('timm:vit_small_patch14_dinov2.lvd142m', 'timm', 'vit_small_patch14_dinov2.lvd142m', {}),
        ('timm:resnet50?checkpoint=a/b.pth&pool=avg', 'timm', 'resnet50', dict(checkpoint='a/b.pth', pool='avg')),
        ('hf:facebook/dinov2-small', 'hf', 'facebook/dinov2-small', {}),
        ('hf:./folder?weights=random&seed=3', 'hf', './folder', dict(weights='random', seed='3')),
        ('hub:facebookresearch/dinov2:dinov2_vits14', 'hub', 'facebookresearch/dinov2:dinov2_vits14', {}),
        ('mmpretrain:resnet18_8xb32_in1k', 'mmpretrain', 'resnet18_8xb32_in1k', {}),
        ('my/encoder.py:make_encoder?size=480x640', 'file', 'my/encoder.py:make_encoder', dict(size='480x640')),
        ('weights/last.pth?arch=dino_vits16', 'checkpoint', 'weights/last.pth', dict(arch='dino_vits16')),
        ('https://host/file.pth', 'checkpoint', 'https://host/file.pth', {}),
        ('hf://owner/repository/model.safetensors', 'checkpoint', 'hf://owner/repository/model.safetensors', {}),
        ('mmssl_robust://mini/encoder.safetensors', 'checkpoint', 'mmssl_robust://mini/encoder.safetensors', {}),
        ('mini', 'checkpoint', 'mini', {}),
        ('mini_deacl', 'checkpoint', 'mini_deacl', {}),
        ('mini_robust', 'checkpoint', 'mini_robust', {}),
    ],
)
def test_each_source_is_read_and_given_back(text, source, name, options):
    spec = parse_spec(text)
    assert (spec.source, spec.name, dict(spec.options)) == (source, name, options)
    assert str(spec) == text
    assert parse_spec(str(spec)) == spec


def test_a_path_with_any_character_survives():
    spec = parse_spec('timm:resnet50?checkpoint=a%26b%3Fc=d e+f.pth')
    assert spec.checkpoint == 'a&b?c=d e+f.pth'
    assert parse_spec(str(spec)) == spec


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('vit_small_patch14_dinov', 'did you mean timm:vit_small_patch14_dinov2?'),
        ('min', 'did you mean mini?'),
        ('tim:resnet50', 'did you mean timm:resnet50?'),
        ('timm:', 'names no encoder'),
        ('encoder.py', 'encoder.py:FUNCTION'),
        ('.', 'is a folder'),
        ('timm:resnet50?poool=avg', 'did you mean pool?'),
        ('timm:resnet50?checkpoint', 'cannot read the option'),
        ('timm:resnet50?pool=avg&pool=map', 'cannot read the option'),
        ('timm:resnet50?weights=random&checkpoint=a.pth', 'leave out one'),
        ('timm:resnet50?weights=none', 'weights=none is unknown'),
        ('timm:resnet50?weights=ema', 'add checkpoint=FILE'),
        ('timm:resnet50?seed=1', 'seed is for random weights'),
        ('timm:resnet50?weights=random&seed=-1', 'no whole number'),
        ('timm:resnet50?size=224x', 'is no size'),
        ('hf:a/b?size=224', 'unknown option size'),
        ('e.py:f?mean=1,2', 'three numbers'),
        ('e.py:f?mean=1,2,c', 'no numbers'),
        ('hub:o/r:n?trust=no', 'use trust=yes'),
        ('a.pth?weights=random', 'weights=random is unknown'),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(text, words):
    with pytest.raises(UserError) as error:
        parse_spec(text)
    assert words in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('name', 'spec'),
    [
        ('dinov3_vits16', 'timm:vit_small_patch16_dinov3.lvd1689m'),
        (
            'dinov2_vits14?weights=raw',
            'https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth?arch=dinov2_vits14'
            '&weights=raw',
        ),
        ('mini_wide_vit', 'mmssl_robust://mini_wide/encoder.safetensors'),
    ],
)
def test_encoders_of_configs_have_their_names(name, spec):
    assert str(parse_spec(name)) == spec


@pytest.mark.parametrize('name', ['mae_vitb16', 'simclr_resnet50'])
def test_encoders_that_configs_alone_can_say(name):
    with pytest.raises(UserError, match=f'{name} is an encoder of configs alone: .*configs/classification/{name}_cif'):
        parse_spec(name)


def test_a_path_may_be_one_of_pathlib(tmp_path):
    assert parse_spec(tmp_path / 'a.pth') == parse_spec(f'{tmp_path}/a.pth')


def test_what_is_here_comes_before_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'dinov2_vits14').write_bytes(b'')
    assert str(parse_spec('dinov2_vits14')) == 'dinov2_vits14'


def test_every_listed_encoder_is_known_or_says_why(monkeypatch):
    monkeypatch.delenv('DEACL_CHECKPOINT', raising=False)
    for name in encoders():
        try:
            assert parse_spec(name).source in ('timm', 'checkpoint'), name
        except UserError as error:
            assert 'mae' in name or 'resnet' in name, error
