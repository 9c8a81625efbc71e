"""The encoder against a forward pass written out from the paper, and its options."""

import math

import pytest
import torch
import torch.nn.functional as F

from mmssl_robust.models.backbones import ARCHITECTURES, DINOVisionTransformer, extract_encoder, resample_pos_embed
from mmssl_robust.utils.errors import UserError

TINY = dict(img_size=32, patch_size=8, embed_dim=12, depth=3, num_heads=2)
TINY_V2 = TINY | dict(init_values=0.5, reg_tokens=4, pos_offset=0.0, pos_antialias=True)


def written_out(state, x, heads, registers):
    """A pre-norm ViT in plain functions; ``state`` has DINO's key names."""
    dim = state['cls_token'].shape[-1]

    def norm(x, name):
        return F.layer_norm(x, (dim,), state[f'{name}.weight'], state[f'{name}.bias'], eps=1e-6)

    def linear(x, name):
        return x @ state[f'{name}.weight'].T + state[f'{name}.bias']

    x = F.conv2d(x, state['patch_embed.proj.weight'], state['patch_embed.proj.bias'], stride=8)
    batch, _, height, width = x.shape
    x = torch.cat((state['cls_token'].expand(batch, -1, -1), x.flatten(2).transpose(1, 2)), dim=1)
    x = x + resample_pos_embed(state['pos_embed'], (height, width), 0.0 if registers else 0.1, bool(registers))
    if registers:
        x = torch.cat((x[:, :1], state['reg_token'].expand(batch, -1, -1), x[:, 1:]), dim=1)
    for i in range(3):
        block = f'blocks.{i}'
        q, k, v = linear(norm(x, f'{block}.norm1'), f'{block}.attn.qkv').chunk(3, dim=-1)
        q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))
        weights = (q @ k.transpose(-2, -1) / math.sqrt(dim / heads)).softmax(-1)
        attended = linear((weights @ v).transpose(1, 2).flatten(2), f'{block}.attn.proj')
        x = x + attended * state.get(f'{block}.ls1.gamma', 1)
        hidden = F.gelu(linear(norm(x, f'{block}.norm2'), f'{block}.mlp.fc1'))
        x = x + linear(hidden, f'{block}.mlp.fc2') * state.get(f'{block}.ls2.gamma', 1)
    x = norm(x, 'norm')
    return x[:, 1 + registers :].transpose(1, 2).unflatten(2, (height, width)), x[:, 0]


@pytest.mark.parametrize('arch, registers', [(TINY, 0), (TINY_V2, 4)])
@pytest.mark.parametrize('size', [(32, 32), (40, 16), (72, 64)])
def test_agrees_with_written_out_forward(arch, registers, size):
    torch.manual_seed(0)
    encoder = DINOVisionTransformer(arch, out_type='featmap_cls').double().eval()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    inputs = torch.randn(2, 3, *size, dtype=torch.float64)
    ((featmap, cls_token),) = encoder(inputs)
    expected_map, expected_cls = written_out(encoder.vit.state_dict(), inputs, 2, registers)
    # resample_pos_embed works in float32, like facebookresearch's.
    torch.testing.assert_close(featmap, expected_map, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(cls_token, expected_cls, atol=1e-9, rtol=1e-9)


# Parameters in millions as published by the authors (backbone only).
@pytest.mark.parametrize(
    'arch, millions',
    [('dino_vits16', 21.67), ('dino_vits8', 21.67), ('dino_vitb16', 85.80), ('dino_vitb8', 85.81)]
    + [('dinov2_vits14', 22.06), ('dinov2_vitb14', 86.58), ('dinov2_vitl14', 304.37), ('dinov2_vitg14', 1136.48)],
)
def test_architectures_have_the_published_size(arch, millions):
    with torch.device('meta'):
        encoder = DINOVisionTransformer(arch)
        with_registers = DINOVisionTransformer(f'{arch}_reg') if arch.startswith('dinov2') else None
    count = sum(p.numel() for p in encoder.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.01)
    if with_registers is not None:
        assert sum(p.numel() for p in with_registers.parameters()) - count == 4 * encoder.embed_dims
    assert encoder.patch_size == (14 if arch.startswith('dinov2') else int(arch.split('_vit')[1][1:]))


@pytest.mark.parametrize('arch', ['dinov2_vitg14', 'dinov2_vitg14_reg'])
def test_giant_gates_with_silu_under_dinov2s_key_names(arch):
    small = ARCHITECTURES[arch] | dict(img_size=28, embed_dim=48, depth=1, num_heads=2)
    encoder = DINOVisionTransformer(small).eval()
    w12, w3 = torch.randn(256, 48), torch.randn(48, 128)
    official = {'blocks.0.mlp.w12.weight': w12, 'blocks.0.mlp.w3.weight': w3}
    own = extract_encoder({'cls_token': encoder.vit.cls_token.detach()} | official)
    mlp = encoder.vit.blocks[0].mlp
    for name, layer in (('fc1', mlp.fc1), ('fc2', mlp.fc2)):
        layer.weight.data = own[f'blocks.0.mlp.{name}.weight']
        layer.bias.data.zero_()
    x = torch.randn(2, 5, 48)
    gate, value = (x @ w12.T).chunk(2, dim=-1)
    torch.testing.assert_close(mlp(x), (F.silu(gate) * value) @ w3.T)


def test_every_architecture_is_listed_once():
    assert len(ARCHITECTURES) == 12


def test_out_indices_and_final_norm():
    encoder = DINOVisionTransformer(TINY, out_indices=(0, -1), final_norm=False).eval()
    first, last = encoder(torch.randn(2, 3, 32, 32))
    assert first.shape == last.shape == (2, 12)
    only_last = DINOVisionTransformer(TINY, final_norm=True).eval()
    only_last.load_state_dict(encoder.state_dict())
    inputs = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(encoder.vit.norm(encoder(inputs)[1]), only_last(inputs)[0])


def test_frozen_keeps_the_input_gradient():
    encoder = DINOVisionTransformer(TINY, frozen=True).train()
    assert not encoder.training and not any(p.requires_grad for p in encoder.parameters())
    inputs = torch.randn(1, 3, 32, 32, requires_grad=True)
    encoder(inputs)[0][:, 0].sum().backward()  # the sum over all channels is constant after a LayerNorm
    assert inputs.grad.abs().sum() > 0


def test_checkpointing_changes_no_gradient():
    plain = DINOVisionTransformer(TINY)
    recomputed = DINOVisionTransformer(TINY, with_cp=True)
    recomputed.load_state_dict(plain.state_dict())
    inputs = torch.randn(2, 3, 32, 32)
    gradients = []
    for encoder in (plain, recomputed):
        leaf = inputs.clone().requires_grad_()
        gradients.append(torch.autograd.grad(encoder(leaf)[0][:, 0].sum(), leaf)[0])
    assert gradients[0].abs().max() > 1e-6
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    'arguments, message',
    [
        (dict(arch='vit_b'), "unknown arch='vit_b': use one of dino_vits16"),
        (dict(arch=TINY, out_type='tokens'), "unknown out_type='tokens': use one of cls_token"),
        (dict(arch=TINY, out_indices=(3,)), '3 blocks: use -3 to 2'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        DINOVisionTransformer(**arguments)


def test_input_that_is_no_multiple_of_the_patch():
    with pytest.raises(UserError, match='size_divisor=8'):
        DINOVisionTransformer(TINY)(torch.randn(1, 3, 33, 32))
