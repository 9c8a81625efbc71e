"""What encoders are called where there is little room: short, and never two by one name."""

import pytest

from mmssl_robust.encoders.short_names import short_name, short_names


@pytest.mark.parametrize(
    'spec, name',
    [
        ('mini', 'mini'),
        ('mmssl_robust://mini_deacl/encoder.safetensors', 'mini_deacl'),
        ('/home/me/weights/vits.safetensors?arch=dinov2_vits14', 'vits'),
        ('https://somewhere.org/a/b/vits.pth', 'vits'),
        ('/home/me/own.py:make_encoder', 'own.py:make_encoder'),
        ('timm:vit_tiny_patch16_224?weights=random', 'timm:vit_tiny_patch16_224?weights=random'),
        ('timm:resnet18?checkpoint=/home/me/x.pth', 'timm:resnet18?checkpoint=x.pth'),
        ('hf:facebook/dinov2-small', 'hf:facebook/dinov2-small'),
        ('hf:/home/me/dinov2', 'hf:dinov2'),
    ],
)
def test_alone(spec, name):
    assert short_name(spec) == name


def test_folders_and_options_tell_apart_what_files_do_not():
    assert short_names(['/x/a/vits.pth', '/x/b/vits.pth', 'mini']) == ['a/vits.pth', 'b/vits.pth', 'mini']
    raw, average = short_names(['/x/vits.pth?weights=raw', '/x/vits.pth?weights=ema'])
    assert (raw, average) == ('vits.pth?weights=raw', 'vits.pth?weights=ema')
    far = ['/a/1/2/3/4/vits.pth', '/b/1/2/3/4/vits.pth']
    assert short_names(far) == far
