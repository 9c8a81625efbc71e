"""timm's encoders: the tokens of timm's own forward, normed, at any size, with timm's own normalisation."""

import copy

import timm
import torch
from pytest import approx, mark, raises
from safetensors.torch import save_file

from mmssl_robust.encoders import Encoder, load_encoder
from mmssl_robust.models.backbones import DINOVisionTransformer, resample_pos_embed
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.image_sizes import SizeError


def images(height, width=None, count=2):
    return torch.randn(count, 3, height, width or height, generator=torch.Generator().manual_seed(0))


def randomised(model):
    """Give each tensor values of its own: of norms, LayerScale and tokens timm's are 0 or 1."""
    generator = torch.Generator().manual_seed(1)
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(0.05 * torch.randn(tensor.shape, generator=generator))
    return model.eval()


def saved(model, tmp_path):
    path = tmp_path / 'weights.safetensors'
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)
    return path


def with_weights(name, tmp_path, size=None, **settings):
    """An encoder and the library's own model with the same weights."""
    own = randomised(timm.create_model(name, num_classes=7, **settings))
    sized = '' if size is None else f'&size={size}'
    return load_encoder(f'timm:{name}?checkpoint={saved(own, tmp_path)}{sized}', out_type='featmap_cls'), own


@mark.parametrize(
    'name', ['test_vit', 'test_vit2', 'test_vit3', 'vit_tiny_patch16_224', 'eva02_tiny_patch14_224', 'test_vit4']
)
@torch.no_grad()
def test_the_tokens_of_a_vit_are_those_of_its_own_forward(name, tmp_path):
    encoder, own = with_weights(name, tmp_path)
    inputs = images(*encoder.info.native_size)
    ((featmap, cls_token),) = encoder(inputs)
    tokens = own.forward_features(inputs)
    if isinstance(own.norm, torch.nn.Identity):  # its norm is behind the pool
        tokens = own.fc_norm(tokens)
    patches = tokens[:, own.num_prefix_tokens :]
    torch.testing.assert_close(featmap.flatten(2).transpose(1, 2), patches)
    if own.attn_pool is not None:
        torch.testing.assert_close(cls_token, own.forward_head(own.forward_features(inputs), pre_logits=True))
    else:
        wanted = (
            tokens[:, 0]
            if getattr(own, 'has_class_token', True)
            else own.forward_head(own.forward_features(inputs), pre_logits=True)
        )
        torch.testing.assert_close(cls_token, wanted)


@mark.parametrize('name', ['test_vit', 'test_vit3', 'eva02_tiny_patch14_224'])
@torch.no_grad()
def test_the_pool_is_timms_where_the_spec_asks_for_it(name, tmp_path):
    own = randomised(timm.create_model(name, num_classes=0))
    path = saved(own, tmp_path)
    encoder = load_encoder(f'timm:{name}?checkpoint={path}&pool={own.global_pool}')
    inputs = images(*encoder.info.native_size)
    torch.testing.assert_close(encoder(inputs)[0], own(inputs))


@torch.no_grad()
def test_dinov3_gives_its_cls_token_and_no_register(tmp_path):
    encoder, own = with_weights('vit_small_patch16_dinov3', tmp_path)
    inputs = images(48, 32)
    ((featmap, cls_token),) = encoder(inputs)
    tokens = own.forward_features(inputs)
    torch.testing.assert_close(cls_token, tokens[:, 0])
    torch.testing.assert_close(featmap, tokens[:, 5:].transpose(1, 2).unflatten(2, (3, 2)))


@mark.parametrize('name', ['test_resnet', 'test_convnext', 'test_efficientnet', 'test_mambaout'])
@torch.no_grad()
def test_a_convolutional_network_gives_its_last_map_and_its_pool(name, tmp_path):
    encoder, own = with_weights(name, tmp_path)
    inputs = images(64, 96)
    ((featmap, pooled),) = encoder(inputs)
    assert featmap.shape == (2, encoder.embed_dims, 64 // encoder.patch_size, 96 // encoder.patch_size)
    if name == 'test_resnet':
        torch.testing.assert_close(featmap, own.forward_features(inputs))
        torch.testing.assert_close(pooled, own.forward_head(own.forward_features(inputs), pre_logits=True))


@torch.no_grad()
def test_the_map_of_a_convnext_is_normed_as_its_pool_is(tmp_path):
    encoder, own = with_weights('test_convnext', tmp_path)
    inputs = images(64)
    ((featmap, pooled),) = encoder(inputs)
    features = own.forward_features(inputs)
    torch.testing.assert_close(pooled, own.forward_head(features, pre_logits=True))
    last = features.movedim(1, -1)
    wanted = (last - last.mean(-1, keepdim=True)) / (
        last.var(-1, keepdim=True, correction=0) + own.head.norm.eps
    ).sqrt()
    torch.testing.assert_close(featmap.movedim(1, -1), wanted * own.head.norm.weight + own.head.norm.bias)
    raw = load_encoder(str(encoder.spec), out_type='featmap', final_norm=False)
    torch.testing.assert_close(raw(inputs)[0], features)


@mark.parametrize(('registers', 'size'), [('', (56, 70)), ('_reg', (56, 70)), ('', (28, 28))])
@torch.no_grad()
def test_dinov2_of_timm_is_ours(registers, size, tmp_path):
    ours = DINOVisionTransformer(f'dinov2_vits14{registers}', 'featmap_cls', (8, 11))
    randomised(ours)
    timms = f'vit_small_patch14_{"reg4_" if registers else ""}dinov2.lvd142m'
    encoder = load_encoder(f'timm:{timms}?checkpoint={saved(ours, tmp_path)}', 'featmap_cls', out_indices=(8, 11))
    inputs = images(*size, count=1)
    for (map_here, cls_here), (map_there, cls_there) in zip(encoder(inputs), ours(inputs)):
        torch.testing.assert_close(map_here, map_there, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(cls_here, cls_there, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_copy_resamples_its_own_positions():
    encoder = load_encoder('timm:vit_small_patch16_224.dino?weights=random')
    other = copy.deepcopy(encoder)
    other.network.model.pos_embed.mul_(2)
    x = torch.zeros(1, 4, 6, 384)
    zero_cls = encoder.network.model.cls_token * 0
    for part in (encoder, other):
        part.network.model.cls_token.copy_(zero_cls)
    torch.testing.assert_close(other.network.model._pos_embed(x), 2 * encoder.network.model._pos_embed(x))


@torch.no_grad()
def test_mae_is_resampled_without_antialiasing():
    encoder = load_encoder('timm:vit_base_patch16_224.mae?weights=random')
    vit = encoder.network.model
    x = torch.randn(1, 4, 6, 768)
    wanted = torch.cat((vit.cls_token, x.flatten(1, 2)), 1) + resample_pos_embed(vit.pos_embed, (4, 6), offset=0.0)
    torch.testing.assert_close(vit._pos_embed(x), wanted)


@torch.no_grad()
def test_layers_come_as_asked_for_and_before_the_norm(tmp_path):
    encoder, own = with_weights('test_vit', tmp_path)
    inputs = images(160)
    raw = load_encoder(str(encoder.spec), 'featmap_cls', out_indices=(-1, 0), final_norm=False)
    wanted = own.forward_intermediates(inputs, [0, 5], return_prefix_tokens=True, intermediates_only=True)
    for (featmap, cls_token), (their_map, prefix) in zip(raw(inputs), reversed(wanted)):
        torch.testing.assert_close(featmap, their_map)
        torch.testing.assert_close(cls_token, prefix[:, 0])


@mark.parametrize(
    ('name', 'mean', 'std', 'patch', 'native', 'width', 'depth', 'has_cls', 'fixed'),
    [
        ('vit_small_patch14_dinov2.lvd142m', 123.675, 58.395, 14, (518, 518), 384, 12, True, False),
        ('test_vit3', 127.5, 127.5, 16, (160, 160), 96, 9, False, False),
        ('vit_small_patch16_dinov3', 123.675, 58.395, 16, (256, 256), 384, 12, True, False),
        ('eva02_tiny_patch14_224.mim_in22k', 122.770938, 68.500573, 14, (224, 224), 192, 12, True, False),
        ('test_resnet', 127.5, 127.5, 32, (160, 160), 96, 5, False, False),
        ('test_maxvit', 127.5, 127.5, 32, (160, 160), 128, 5, False, True),
    ],
)
def test_an_encoder_says_what_it_needs(name, mean, std, patch, native, width, depth, has_cls, fixed):
    info = Encoder(f'timm:{name}?weights=random').info
    assert (info.mean[0], info.std[0]) == (approx(mean), approx(std))
    assert (info.patch_size, info.size_multiple, info.native_size) == (patch, patch, native)
    assert (info.embed_dims, info.depth, info.has_cls, info.fixed_size) == (width, depth, has_cls, fixed)


def test_random_weights_follow_from_the_seed_and_leave_pytorchs_alone():
    torch.manual_seed(5)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    first, again, other = (Encoder(f'timm:test_vit?weights=random&seed={seed}') for seed in (0, 0, 1))
    assert torch.rand(1) == drawn
    assert first.loaded_weights.sha256 == again.loaded_weights.sha256 != other.loaded_weights.sha256
    torch.testing.assert_close(first.state_dict(), again.state_dict())


def test_it_is_frozen_and_gives_the_gradient_of_its_input():
    encoder = load_encoder('timm:test_vit?weights=random').train()
    assert not encoder.training and not any(parameter.requires_grad for parameter in encoder.parameters())
    inputs = images(32).requires_grad_()
    encoder(inputs)[0][:, 0].sum().backward()
    assert inputs.grad.abs().sum() > 0


def test_a_checkpoint_with_a_tensor_missing_is_refused(tmp_path):
    state = timm.create_model('test_vit', num_classes=0).state_dict()
    del state['blocks.2.mlp.fc1.weight']
    path = tmp_path / 'part.safetensors'
    save_file(state, path)
    with raises(UserError, match='missing.*blocks.2.mlp.fc1.weight'):
        load_encoder(f'timm:test_vit?checkpoint={path}')


@torch.no_grad()
def test_weights_for_another_size_are_resampled_as_timm_does(tmp_path):
    own = randomised(timm.create_model('test_vit', num_classes=0))
    encoder = load_encoder(f'timm:test_vit?checkpoint={saved(own, tmp_path)}&size=64x96')
    assert encoder.info.native_size == (64, 96)
    own.set_input_size((64, 96))
    torch.testing.assert_close(encoder(images(64, 96))[0], own(images(64, 96)))


def test_images_that_do_not_fit_are_refused_in_one_line():
    with raises(SizeError, match='no multiple of 16'):
        Encoder('timm:test_vit?weights=random')(images(40))
    with raises(UserError, match='160x160 alone'):
        Encoder('timm:test_maxvit?weights=random')(images(192))


@mark.parametrize(
    ('spec', 'words'),
    [
        ('timm:vit_small_patch14_dinov', 'did you mean timm:vit_small_patch14_dinov2?'),
        ('timm:vit_small_patch14_dinov2.lvd', 'use lvd142m'),
        ('timm:test_vit2', 'names no weights|cannot get|could not'),
        ('timm:test_resnet?weights=random&pool=map', 'use avg'),
        ('timm:test_vit?weights=random&pool=map', 'use token or avg'),
    ],
)
def test_what_timm_does_not_have_is_refused_in_one_line(spec, words, monkeypatch):
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    with raises(UserError, match=words) as error:
        load_encoder(spec)
    assert '\n' not in str(error.value)


def test_a_model_without_tokens_is_refused(monkeypatch):
    monkeypatch.delattr('timm.models.resnet.ResNet.forward_intermediates')
    with raises(UserError, match='no tokens of it'):
        Encoder('timm:test_resnet?weights=random')


def test_layers_that_there_are_not_are_refused():
    with raises(UserError, match='of 6 layers'):
        Encoder('timm:test_vit?weights=random', out_indices=(6,))
    with raises(UserError, match='out_type'):
        Encoder('timm:test_vit?weights=random', out_type='tokens')
