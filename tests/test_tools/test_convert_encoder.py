"""tools/model_converters/convert_encoder.py from file to file."""

import pytest
import torch
from safetensors.torch import load_file

from mmssl_robust.models.backbones import DINOVisionTransformer
from mmssl_robust.models.backbones.layouts import LAYOUTS
from mmssl_robust.models.backbones.weights import extract_encoder
from mmssl_robust.utils.pretrained import load_encoder

TINY = dict(img_size=16, patch_size=8, embed_dim=12, depth=1, num_heads=2)
REGISTERS = TINY | dict(init_values=1e-5, reg_tokens=4)
TOOL = 'model_converters/convert_encoder.py'


@pytest.fixture
def write(tmp_path):
    """Write an encoder's weights; return the file and the weights."""

    def write(name, arch=TINY, layout='dino'):
        vit = DINOVisionTransformer(arch).vit
        state = vit.state_dict()
        torch.save(LAYOUTS[layout](state), tmp_path / name)
        return tmp_path / name, state

    return write


@pytest.mark.parametrize('layout', sorted(LAYOUTS.keys() - {'dino'}))
@pytest.mark.parametrize('source_layout', ['dinov2', 'mmengine'])
def test_any_layout_to_any_other(run_tool, write, capsys, tmp_path, source_layout, layout):
    source, state = write('source.pth', REGISTERS, source_layout)
    out = tmp_path / 'new' / 'out.pth'
    of_two = layout == 'lightning'
    run_tool(TOOL, source, out, '--layout', layout, *(['--teacher', source] if of_two else []))
    torch.load(out, weights_only=True)
    loaded = DINOVisionTransformer(REGISTERS).vit
    load_encoder(loaded, out)
    torch.testing.assert_close(loaded.reg_token, state['reg_token'], rtol=0, atol=0)
    number = (len(state) + (layout in ('dinov2', 'lightning'))) * (2 if of_two else 1)  # with the mask token
    assert capsys.readouterr().out.startswith(f'{out}: {number} tensors, 0.0')
    assert [file.name for file in out.parent.iterdir()] == ['out.pth']


def test_safetensors_in_half_precision(run_tool, write, tmp_path):
    source, state = write('source.pth', REGISTERS, 'lightning')
    run_tool(TOOL, source, tmp_path / 'out.safetensors', '--layout', 'timm', '--half')
    written = load_file(tmp_path / 'out.safetensors')
    assert {value.dtype for value in written.values()} == {torch.float16}
    merged = state['cls_token'] + state['pos_embed'][:, :1]
    torch.testing.assert_close(written['cls_token'], merged.half(), rtol=0, atol=0)


@pytest.mark.parametrize('grid', [(2, 3), (2, 4), (1, 3), (2, 2)])
@pytest.mark.parametrize('source_layout', ['timm', 'dinov2', 'mmengine'])
def test_positions_of_a_grid_that_is_no_square(run_tool, write, tmp_path, source_layout, grid):
    """As many tokens as a square has patches, 2 x 4 and CLS, are told from one by the grid."""
    height, width = grid
    source, state = write('source.pth', REGISTERS | dict(img_size=(8 * height, 8 * width)), source_layout)
    run_tool(TOOL, source, tmp_path / 'out.pth', '--layout', 'dinov2', '--grid', height, width)
    written = torch.load(tmp_path / 'out.pth', weights_only=True)
    positions = state['pos_embed'].clone()
    merged = positions[:, :1].clone() if source_layout == 'timm' else torch.zeros(1, 1, 12)
    positions[:, :1] -= merged  # timm has it in the token
    torch.testing.assert_close(written['pos_embed'], positions, rtol=0, atol=0)
    torch.testing.assert_close(written['cls_token'], state['cls_token'] + merged, rtol=0, atol=0)


def test_dinov2_names_say_that_cls_has_a_position(run_tool, write, tmp_path):
    source, state = write('source.pth', REGISTERS | dict(img_size=(16, 32)), 'dinov2')
    run_tool(TOOL, source, tmp_path / 'out.safetensors', '--layout', 'dinov2')
    assert torch.equal(load_file(tmp_path / 'out.safetensors')['pos_embed'], state['pos_embed'])


@pytest.mark.parametrize(
    ('grid', 'words'),
    [((), 'the 6 position embeddings are no square of patches'), (('--grid', 3, 3), 'are not 3 x 3 of patches')],
)
def test_a_grid_that_is_not_known(run_tool, write, capsys, tmp_path, grid, words):
    source, _ = write('source.pth', REGISTERS | dict(img_size=(16, 24)), 'timm')
    with pytest.raises(SystemExit, match='2'):
        run_tool(TOOL, source, tmp_path / 'out.pth', '--layout', 'dinov2', *grid)
    message = capsys.readouterr().err
    assert words in message and 'say which grid' in message and message.count('\n') == 1


def test_lightning_with_teacher(run_tool, write, tmp_path):
    (source, state), (teacher, teacher_state) = write('student.pth'), write('teacher.pth')
    run_tool(TOOL, source, tmp_path / 'deacl.ckpt', '--layout', 'lightning', '--teacher', teacher)
    checkpoint = torch.load(tmp_path / 'deacl.ckpt', weights_only=True)
    key = 'blocks.0.attn.qkv.weight'
    assert torch.equal(checkpoint['state_dict'][f'momentum_backbone.encoder.{key}'], teacher_state[key])
    assert torch.equal(extract_encoder(checkpoint)[key], state[key])
    run_tool(TOOL, tmp_path / 'deacl.ckpt', tmp_path / 'student.safetensors', '--layout', 'dino')
    assert torch.equal(load_file(tmp_path / 'student.safetensors')[key], state[key])


@pytest.mark.parametrize(
    'arguments, words',
    [
        (('head.pth', 'out.pth', '--layout', 'dino'), 'head.pth holds no encoder'),
        (('tiny.pth', 'out.safetensors', '--layout', 'mmengine'), 'ends in .pth or .pt or .ckpt'),
        (('tiny.pth', 'out.npz', '--layout', 'dino'), 'ends in .safetensors or'),
        (('tiny.pth', 'tiny.pth/out.pth', '--layout', 'dino'), 'cannot write tiny.pth/out.pth'),
        (('tiny.pth', 'out.pth', '--layout', 'dino', '--teacher', 'tiny.pth'), '--teacher is for --layout lightning'),
        (('tiny.pth', 'out.pth', '--layout', 'lightning', '--teacher', 'other.pth'), 'other.pth does not fit'),
        (('tiny.pth', 'out.pth', '--layout', 'lightning'), '--layout lightning needs --teacher'),
    ],
)
def test_one_line_errors(run_tool, write, capsys, monkeypatch, tmp_path, arguments, words):
    write('tiny.pth')
    write('other.pth', TINY | dict(embed_dim=24))
    torch.save({'head.weight': torch.zeros(2)}, tmp_path / 'head.pth')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match='2'):
        run_tool(TOOL, *arguments)
    message = capsys.readouterr().err
    assert words in message and message.count('\n') == 1
    assert not list(tmp_path.glob('out*'))


def test_a_failed_write_leaves_the_old_file(run_tool, write, monkeypatch, tmp_path):
    source, _ = write('tiny.pth')
    out = tmp_path / 'out.pth'
    out.write_text('old')

    def full_disk(content, file):
        file.write_text('half of it')
        raise OSError('no space left on device')

    monkeypatch.setattr(torch, 'save', full_disk)
    with pytest.raises(SystemExit, match='2'):
        run_tool(TOOL, source, out, '--layout', 'mmengine')
    assert out.read_text() == 'old'
    assert sorted(file.name for file in tmp_path.iterdir()) == ['out.pth', 'tiny.pth']


def test_a_bare_encoder_has_no_head_to_export(run_tool, write, capsys, tmp_path):
    source, _ = write('tiny.pth')
    with pytest.raises(SystemExit, match='2'):
        run_tool('model_converters/export_safetensors.py', source, tmp_path / 'head.safetensors', '--part', 'head')
    assert f'{source} holds no head' in capsys.readouterr().err
