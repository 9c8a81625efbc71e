"""Encoders of torch.hub, by a clone."""

import pytest
import torch
from own_encoders import OWN_ENCODERS
from safetensors.torch import save_file

from mmssl_robust.encoders import load_encoder
from mmssl_robust.utils.errors import UserError


@pytest.fixture
def clone(tmp_path):
    folder = tmp_path / 'clone'
    folder.mkdir()
    (folder / 'hubconf.py').write_text(
        OWN_ENCODERS
        + """
def own(pretrained=True):
    module = Tokens()
    if pretrained:
        module.load_state_dict({key: value + 1 for key, value in module.state_dict().items()})
    return module

def forgets(pretrained=True):
    return Tokens()

def without_argument():
    return own()

class Chunked(Blocks):
    n_blocks = 3
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.ModuleList(self.blocks)])
    def get_intermediate_layers(self, x, n=1, reshape=False, return_class_token=False, norm=True):
        self.blocks, chunks = self.blocks[0], self.blocks
        out = super().get_intermediate_layers(x, n, reshape, return_class_token, norm)
        self.blocks = chunks
        return out
    def forward_features(self, x):
        ((patches, cls),) = self.get_intermediate_layers(x, [2])
        return dict(x_norm_clstoken=cls, x_norm_patchtokens=patches.flatten(2).transpose(1, 2))

def dinov2_like(pretrained=True, weights='own'):
    module = Chunked()
    if pretrained:
        module.load_state_dict(module.state_dict())
    return module
"""
    )
    return folder


@pytest.mark.parametrize('name', ['own', 'without_argument'])
def test_a_clone_for_torch_hub_brings_its_weights(name, clone):
    encoder = load_encoder(f'hub:{clone}:{name}')
    torch.testing.assert_close(encoder.network.model.norm.weight, torch.full((6,), 2.0))
    assert encoder.loaded_weights.sha256


@torch.no_grad()
def test_a_clone_of_dinov2s_kind_gives_each_of_its_layers(clone):
    """As Franca's and DINOv3's do, also with blocks in chunks."""
    encoder = load_encoder(f'hub:{clone}:dinov2_like', 'featmap_cls', out_indices=(0, -1))
    inputs = torch.randn(2, 3, 16, 24)
    (first, _), (featmap, cls_token) = encoder(inputs)
    own = encoder.network.model
    wanted = own.forward_features(inputs)
    torch.testing.assert_close(cls_token, wanted['x_norm_clstoken'])
    torch.testing.assert_close(featmap.flatten(2).transpose(1, 2), wanted['x_norm_patchtokens'])
    torch.testing.assert_close(first, own.get_intermediate_layers(inputs, [0])[0][0])
    assert encoder.info.widths == (6, 6, 6)


def test_a_clones_random_weights_and_checkpoints_are_asked_for(clone, tmp_path):
    assert load_encoder(f'hub:{clone}:own?weights=random').network.model.norm.weight.unique().tolist() == [1]
    state = load_encoder(f'hub:{clone}:own').network.model.state_dict()
    save_file(state, tmp_path / 'a.safetensors')
    encoder = load_encoder(f'hub:{clone}:forgets?checkpoint={tmp_path}/a.safetensors')
    torch.testing.assert_close(encoder.network.model.state_dict(), state)
    with pytest.raises(UserError, match='has not loaded all weights'):
        load_encoder(f'hub:{clone}:forgets')


def test_a_repository_that_is_not_trusted_is_not_run(monkeypatch, clone):
    def load(place, name, source='github', trust_repo=None, **_):
        assert (place, name, trust_repo) == ('owner/repository', 'own', 'check')
        raise EOFError  # its question at the terminal, where there is none

    monkeypatch.setattr(torch.hub, 'load', load)
    with pytest.raises(UserError, match=r'runs code of owner/repository: .*trust=yes'):
        load_encoder('hub:owner/repository:own')


def test_trust_is_handed_on(monkeypatch):
    given = {}

    def load(place, name, **settings):
        given.update(settings)
        return torch.nn.Conv2d(3, 4, 4, 4)

    monkeypatch.setattr(torch.hub, 'load', load)
    load_encoder('hub:owner/repository:own?trust=yes&weights=random')
    assert given == dict(pretrained=False, trust_repo=True)
