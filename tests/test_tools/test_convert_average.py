"""mmssl-robust convert average, from files to a file."""

import pytest
import torch
from safetensors.torch import load_file

from mmssl_robust.commands.converters.average import averaged, distance
from mmssl_robust.commands.main import run_command
from mmssl_robust.models.backbones import DINOVisionTransformer
from mmssl_robust.models.backbones.layouts import LAYOUTS
from mmssl_robust.utils.errors import UserError

TINY = dict(img_size=16, patch_size=8, embed_dim=12, depth=1, num_heads=2)


@pytest.fixture
def trained(tmp_path):
    """Write encoders that differ by a little from one, each in a layout of its own; return their files and weights."""
    torch.manual_seed(0)
    start = DINOVisionTransformer(TINY).vit.state_dict()

    def trained(index, layout, by=0.02):
        state = {key: value + by * torch.randn_like(value) for key, value in start.items()}
        path = tmp_path / f'{index}.pth'
        torch.save(LAYOUTS[layout](state), path)
        return str(path), state

    return [trained(index, layout) for index, layout in enumerate(('timm', 'mmengine', 'timm'))]


def average(*arguments):
    run_command('convert', ['average', *map(str, arguments)])


@pytest.mark.parametrize('shares, weights', [([], [1 / 3] * 3), (['2', '1/2', '1.5'], [0.5, 0.125, 0.375])])
def test_each_weight_is_the_mean_of_those_of_the_encoders(trained, shares, weights, tmp_path, capsys):
    (paths, states), out = zip(*trained), tmp_path / 'new' / 'average.safetensors'
    average(*paths, out, *(['--shares', *shares] if shares else []))
    assert capsys.readouterr().out.startswith(f'{out}: {len(states[0])} tensors')
    written = load_file(out)
    assert written.keys() == states[0].keys()
    for key, value in written.items():
        expected = sum(weight * state[key].double() for weight, state in zip(weights, states))
        torch.testing.assert_close(value, expected.float(), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize('share', [1e308, 1e-320])
def test_shares_have_any_unit(share):
    one, other = dict(w=torch.tensor([1.0])), dict(w=torch.tensor([3.0]))
    assert averaged([one, other], [share, share])['w'] == 2


def test_registers_are_as_timm_has_them(tmp_path):
    vit = DINOVisionTransformer(TINY | dict(init_values=1e-5, reg_tokens=4)).vit
    torch.save(LAYOUTS['dinov2'](vit.state_dict()), tmp_path / 'a.pth')
    torch.save(LAYOUTS['timm'](vit.state_dict()), tmp_path / 'b.pth')
    average(tmp_path / 'a.pth', '--shares', 1, 2, '--', tmp_path / 'b.pth', tmp_path / 'c.safetensors')
    written, expected = load_file(tmp_path / 'c.safetensors'), LAYOUTS['timm'](vit.state_dict())
    assert written.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(written[key], value, rtol=1e-6, atol=1e-7)


def test_positions_of_a_grid_that_is_no_square(tmp_path):
    vit = DINOVisionTransformer(TINY | dict(img_size=(16, 24), init_values=1e-5, reg_tokens=4)).vit
    path, out = tmp_path / 'a.pth', tmp_path / 'b.safetensors'
    torch.save(LAYOUTS['timm'](vit.state_dict()), path)
    with pytest.raises(UserError, match=f'{path}: .*grid'):
        average(path, path, out)
    average(path, path, out, '--grid', 2, 3)
    assert load_file(out)['pos_embed'].shape == (1, 6, 12)


def test_an_encoder_averaged_with_itself_is_the_same(trained, tmp_path):
    path, state = trained[0]
    average(path, path, '--half', tmp_path / 'a.safetensors')
    for key, value in load_file(tmp_path / 'a.safetensors').items():
        assert torch.equal(value, state[key].half())


def test_sums_are_of_float64():
    """Of 3000 shares in float32 the last digits would be lost."""
    values = [dict(w=torch.tensor([1.0 + index * 1e-7])) for index in range(3000)]
    expected = torch.stack([value['w'].double() for value in values]).mean(0)
    torch.testing.assert_close(averaged(values, [0.1] * 3000)['w'], expected.float(), rtol=0, atol=0)


def test_distance_is_that_of_the_weights():
    one, other = dict(a=torch.tensor([3.0]), b=torch.tensor([4.0])), dict(b=torch.tensor([0.0]), a=torch.tensor([5.0]))
    assert distance(one, other) == pytest.approx(20**0.5 / 5)
    assert distance(one, one) == 0 == distance(dict(a=torch.zeros(2)), dict(a=torch.zeros(2)))


def of_another_start(state):
    torch.manual_seed(1)
    return DINOVisionTransformer(TINY).vit.state_dict()


REFUSED = {
    'were not trained from the same encoder': of_another_start,
    'has other weights than': lambda state: DINOVisionTransformer(TINY | dict(depth=2)).vit.state_dict(),
    'or hold no finite numbers': lambda state: state | dict(cls_token=state['cls_token'] * float('nan')),
    'wanted \\(1, 1, 12\\)': lambda state: state | dict(cls_token=torch.zeros(1, 1, 8)),
}


@pytest.mark.parametrize('words', REFUSED)
def test_what_has_no_average_is_refused(trained, words, tmp_path):
    path, state = trained[0]
    torch.save(REFUSED[words](state), tmp_path / 'other.pth')
    with pytest.raises(UserError, match=words):
        average(path, tmp_path / 'other.pth', tmp_path / 'average.pth')
    assert not (tmp_path / 'average.pth').exists()


@pytest.mark.parametrize(
    'arguments, words',
    [
        (['0.pth', 'new.pth'], 'two encoders or more'),
        (['0.pth', '1.pth', '2.pth'], '2.pth is there already: give a new name'),
        (['0.pth', '1.pth', 'mmssl_robust://mini/encoder.safetensors'], 'is no file to write'),
        (['0.pth', '1.pth', 'new.pth', '--shares', '1'], '1 --shares for 2 encoders'),
        (['0.pth', '1.pth', 'new.pth', '--shares', '1', '0'], '--shares=0: give a number above 0'),
        (['0.pth', '1.pth', 'new.pth', '--shares', '1', 'nan'], 'is not finite'),
        (['0.pth', 'none.pth', 'new.pth'], 'none.pth'),
        (['0.pth', '1.pth', 'new.txt'], 'give a name that ends in'),
    ],
)
def test_what_cannot_be_meant_is_refused(trained, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = (tmp_path / '2.pth').read_bytes()
    with pytest.raises(UserError, match=words):
        average(*arguments)
    assert (tmp_path / '2.pth').read_bytes() == before and not (tmp_path / 'new.pth').exists()
