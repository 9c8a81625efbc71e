"""One perturbation for all images, and its file."""

import json
import struct

import pytest
import torch
from safetensors.torch import save_file
from toys import Peak

from mmssl_robust.attacks import L1, L2, Linf, Universal
from mmssl_robust.attacks.fitted import fitted
from mmssl_robust.attacks.universal import UniversalAscent
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.files import sha256
from mmssl_robust.utils.perturbation_files import read_perturbation, write_perturbation


def written(path, delta, norm='linf', eps='0.1'):
    write_perturbation(path, delta, norm, eps, dict(objective='Peak'))
    return str(path)


def signs(height=4, width=4, eps=0.1):
    return eps * torch.where(torch.rand(3, height, width) < 0.5, -1.0, 1.0)


def linear(weight):
    return lambda x: (weight * x).sum(dim=(1, 2, 3))


@pytest.mark.parametrize(('norm', 'eps'), [('linf', 0.1), ('l2', 0.5)])
def test_the_perturbation_against_a_linear_model_is_the_best_there_is(norm, eps):
    """The gradient is w for every image: eps sign(w), and eps w / |w|."""
    weight, inputs = torch.randn(3, 4, 4), torch.full((5, 3, 4, 4), 0.5)
    ascent = UniversalAscent(Universal(Peak(), norm, eps), (3, 4, 4))
    assert float(ascent.attack.threat.size(ascent.delta[None])) == pytest.approx(eps, rel=1e-5)
    for step in range(60):
        loss = ascent.step(linear(weight), inputs, None, range(5), None, eps * (1 - step / 60) / 2)
    best = eps * (weight.sign() if norm == 'linf' else weight / weight.norm())
    torch.testing.assert_close(ascent.delta, best, rtol=0, atol=0.02 * eps)
    assert loss > linear(weight)(inputs).mean()


def test_no_image_outweighs_the_others():
    """Gradients w and -100 w cancel out, where the sum of losses would follow the second."""
    weight, inputs = torch.randn(3, 4, 4), torch.full((2, 3, 4, 4), 0.5)
    ascent = UniversalAscent(Universal(Peak(), eps=0.1), (3, 4, 4))
    before = ascent.delta.clone()
    ascent.step(lambda x: linear(weight)(x) * torch.tensor([1.0, -100.0]), inputs, None, [0, 1], None, 0.05)
    moved = (ascent.delta - before).abs() / 0.05
    assert moved.max() <= 1 + 1e-5
    ascent.step(lambda x: linear(weight)(x) * torch.tensor([3.0, -1.0]), inputs, None, [0, 1], None, 0.05)
    three = UniversalAscent(Universal(Peak(), eps=0.1), (3, 4, 4))
    three.step(linear(weight), inputs, None, [0, 1], None, 0.05)
    assert ((three.delta - before) * weight >= 0).all()


@pytest.mark.parametrize('fit', ['tile', 'resize'])
@pytest.mark.parametrize('threat', [Linf(0.1), L2(0.5), L1(2.0)], ids=lambda threat: type(threat).__name__)
@pytest.mark.parametrize('size', [(4, 4), (3, 2), (9, 7), (4, 12)])
def test_at_every_size_it_is_in_the_ball(threat, fit, size):
    delta = threat.project(torch.randn(1, 3, 4, 4))[0]
    delta = delta * (threat.eps / threat.size(delta[None])).clamp(max=1)
    other = fitted(delta, size, threat, fit)
    length, before = threat.size(other[None]), threat.size(delta[None])
    assert other.shape == (3, *size) and length <= before + threat.slack
    if size == (4, 4):
        assert torch.equal(other, delta)
    elif not isinstance(threat, Linf):
        assert length.item() == pytest.approx(before.item(), rel=1e-5)


def test_tiles_begin_at_the_top_left():
    delta = signs()
    other = fitted(delta, (6, 3), Linf(0.1), 'tile')
    assert torch.equal(other[:, :4], delta[..., :3]) and torch.equal(other[:, 4:], delta[:, :2, :3])


def test_every_image_gets_it_and_the_record_names_it(tmp_path):
    delta = signs()
    attack = Universal(Peak(), eps=0.1, perturbation=written(tmp_path / 'delta.safetensors', delta))
    inputs = torch.rand(3, 3, 4, 4)
    mask = torch.ones(3, 1, 4, 4)
    mask[..., 3] = 0
    result = attack(linear(torch.ones(3, 4, 4)), inputs, mask=mask)
    assert torch.equal(result.adv, (inputs + delta * mask).clamp(0, 1))
    assert result.forwards.eq(1).all() and result.backwards.eq(0).all() and attack.passes == 1
    settings = attack.settings
    assert settings.kind == 'universal' and settings.arguments['sha256'] == sha256(tmp_path / 'delta.safetensors')
    assert 'sha256' not in settings.words() and 'delta.safetensors' in settings.words()
    assert read_perturbation(attack.perturbation).notes == dict(objective='Peak')


def test_a_smaller_ball_gets_it_scaled_and_another_one_is_refused(tmp_path):
    delta = signs()
    file = written(tmp_path / 'delta.safetensors', delta)
    inputs = torch.full((1, 3, 4, 4), 0.5)
    smaller = Universal(Peak(), eps=0.05, perturbation=file)(linear(torch.ones(3, 4, 4)), inputs)
    torch.testing.assert_close(smaller.adv - inputs, delta[None] / 2)
    for settings, words in (
        (dict(eps=0.2), 'eps 25.5/255, not for linf and eps 51/255'),
        (dict(norm='l2', eps=0.05), 'add --norm linf --eps'),
    ):
        with pytest.raises(UserError, match=words) as caught:
            Universal(Peak(), perturbation=file, **settings)
        assert '\n' not in str(caught.value)


def test_another_file_of_the_same_name_is_noticed(tmp_path):
    file = written(tmp_path / 'delta.safetensors', signs())
    digest = Universal(Peak(), eps=0.1, perturbation=file).sha256
    written(tmp_path / 'delta.safetensors', -signs())
    with pytest.raises(UserError, match='it is another perturbation'):
        Universal(Peak(), eps=0.1, perturbation=file, sha256=digest)


def test_without_a_file_it_says_how_to_make_one():
    with pytest.raises(UserError, match='mmssl-robust universal CONFIG CHECKPOINT --out FILE') as caught:
        Universal(Peak()).told({})
    assert '\n' not in str(caught.value)
    with pytest.raises(UserError, match='--perturbation FILE'):
        Universal(Peak())(linear(torch.ones(3, 4, 4)), torch.rand(1, 3, 4, 4))
    with pytest.raises(UserError, match="unknown fit='stretch'"):
        Universal(Peak(), fit='stretch')


def test_one_ships_with_the_package():
    found = read_perturbation('mmssl_robust://mini/universal.safetensors')
    assert found.delta.shape == (3, 64, 64) and (found.norm, found.eps) == ('linf', 8 / 255)
    assert found.notes['objective'] == 'EmbeddingDistance' and found.delta.abs().max() == pytest.approx(8 / 255)
    with pytest.raises(UserError, match='outside of'):
        read_perturbation('mmssl_robust://../setup.py')


def big(shape):
    head = json.dumps(dict(delta=dict(dtype='F32', shape=shape, data_offsets=[0, 4])))
    return struct.pack('<Q', len(head)) + head.encode() + b'\0' * 4


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (dict(delta=torch.zeros(3, 4, 4)), 'does not say norm and eps'),
        (dict(other=torch.zeros(3, 4, 4)), 'one tensor'),
        (dict(delta=torch.zeros(3, 4, 4), more=torch.zeros(1)), 'one tensor'),
        (dict(delta=torch.zeros(4, 4)), 'one tensor'),
        (dict(delta=torch.zeros(1, 4, 4)), 'one tensor'),
        (b'', 'cannot read'),
        (b'PK\x03\x04 no tensors', 'cannot read'),
        (big([3, 1 << 20, 1 << 20]), 'cannot read'),
    ],
)
def test_what_is_no_perturbation_is_refused(content, words, tmp_path):
    path = tmp_path / 'delta.safetensors'
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save_file(content, path)
    refused(path, words)


@pytest.mark.parametrize(
    ('delta', 'norm', 'eps', 'words'),
    [
        (torch.full((3, 4, 4), torch.nan), 'linf', '0.1', 'not finite'),
        (torch.full((3, 4, 4), 0.2), 'linf', '0.1', 'outside its ball'),
        (torch.full((3, 4, 4), 0.1), 'l2', '0.1', 'for l2 and eps 0.1'),
        (torch.full((3, 4, 4), 0.1), 'linf', 'huge', 'is no number'),
        (torch.full((3, 4, 4), 0.1), 'linf', '1e9', 'above 1'),
    ],
)
def test_what_is_not_in_its_ball_is_refused(delta, norm, eps, words, tmp_path):
    refused(written(tmp_path / 'delta.safetensors', delta, norm, eps), words)


def test_a_file_must_be_there(tmp_path):
    refused(tmp_path / 'none.safetensors', 'not found')
    refused(tmp_path, 'is a folder')


def refused(path, words):
    with pytest.raises(UserError, match=words) as caught:
        Universal(Peak(), eps=0.1, perturbation=str(path))
    assert '\n' not in str(caught.value)


def test_a_file_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / 'delta.safetensors'
    save_file(dict(delta=torch.zeros(3, 4, 4)), path, dict(perturbation='{"schema_version": "2"}'))
    refused(path, 'newer version')
    for notes in ('[1]', '{"norm": 1}', '{', '[' * 10000):
        save_file(dict(delta=torch.zeros(3, 4, 4)), path, dict(perturbation=notes))
        refused(path, 'says of itself')
