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


@pytest.mark.parametrize(
    'spec, name',
    [
        ('mmssl_robust://own/encoder.safetensors', 'own/encoder'),
        ('/x/runs/dino/epoch_12.pth', 'dino/epoch_12'),
        ('/x/dino/best_accuracy_top1_epoch_9.pth', 'dino/best_accuracy_top1_epoch_9'),
        ('/x/dino/checkpoint0100.pth?arch=dino_vits16', 'dino/checkpoint0100'),
        ('/x/moco/model_best.pth.tar', 'moco/model_best'),
        ('/x/dino/version_0/checkpoints/epoch=3-step=100.ckpt', 'dino/version_0/checkpoints/epoch=3-step=100'),
        ('https://somewhere.org/dino/weights/last.pth', 'dino/weights/last'),
        ('hf://me/vits/pytorch_model.bin', 'vits/pytorch_model'),
        ('hf:/home/me/dinov2/checkpoint-500', 'hf:dinov2/checkpoint-500'),
        ('timm:resnet18?checkpoint=/x/dino/iter_4000.pth', 'timm:resnet18?checkpoint=dino/iter_4000.pth'),
        ('/home/me/own/encoder.py:make_encoder', 'own/encoder.py:make_encoder'),
        ('encoder.pth', 'encoder'),
        ('./encoder.pth', 'encoder'),
        ('/weights/last.pth', 'last'),
    ],
)
def test_a_name_that_says_nothing_has_the_folder_before_it(spec, name):
    assert short_name(spec) == name


@pytest.mark.parametrize('file', ['encoder.safetensors', 'epoch_12.pth', 'pytorch_model.bin', 'last.ckpt', 'model.pt'])
def test_names_that_say_nothing_are_told_apart_by_folders(file):
    names = short_names([f'/x/a/{file}', f'/x/b/{file}', f'/y/b/{file}', 'mini'])
    stem = file.partition('.')[0]
    assert names == [f'a/{stem}', f'x/b/{file}', f'y/b/{file}', 'mini']


def test_what_ships_is_told_from_files_of_its_name():
    file = 'mmssl_robust://mini/encoder.safetensors'
    assert short_names(['mini', file, '/x/mini.pth']) == ['mini', 'mini/encoder.safetensors', 'mini.pth']
    assert short_names([file, 'mini_deacl']) == ['mini', 'mini_deacl']
