"""A checkpoint beside a config, and whose encoder counts."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from safetensors.torch import save_file
from toys import build, classifier_cfg

from mmssl_robust.utils import given_weights
from mmssl_robust.utils.given_weights import build_with_weights, encoder_apart, load_given


@pytest.mark.parametrize(
    ('options', 'apart'),
    [
        ({'model.backbone.init_cfg.checkpoint': 'x.pth'}, True),
        ({'model.backbone.spec': 'timm:resnet18'}, True),
        ({'model.backbone.pretrained': True}, True),
        ({'model.backbone.init_cfg.prefix': 'vit.'}, False),
        ({'model.head.num_classes': 3}, False),
        (None, False),
    ],
)
def test_an_encoder_is_named_apart(options, apart):
    """By a source of its own; not where what is told belongs to the same one, or the two were trained together."""
    assert encoder_apart(Config(), options) is apart
    assert not encoder_apart(Config(dict(finetune=True)), options)


def test_an_encoder_that_is_named_counts(tmp_path):
    """As `universal` and the curves build a model: the encoder is the one of the option, the head the checkpoint's."""
    trained, named = build(classifier_cfg()), build(classifier_cfg(), scale=1)
    torch.save(trained.state_dict(), tmp_path / 'epoch_2.pth')
    save_file(named.backbone.state_dict(), tmp_path / 'encoder.safetensors')
    option = {'model.backbone.init_cfg': dict(type='Pretrained', checkpoint=str(tmp_path / 'encoder.safetensors'))}

    def built(options):
        cfg = Config(dict(model=classifier_cfg()))
        cfg.merge_from_dict(option)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            return build_with_weights(cfg, 'x.py', str(tmp_path / 'epoch_2.pth'), options).state_dict()

    for options, encoder in ((option, named), (None, trained)):
        found = built(options)
        for model, part in ((encoder, 'backbone.'), (trained, 'head.')):
            expected = {key: value for key, value in model.state_dict().items() if key.startswith(part)}
            assert expected and all(torch.equal(found[key].cpu(), value) for key, value in expected.items()), part


@pytest.fixture
def said(monkeypatch):
    said = []
    monkeypatch.setattr(given_weights, 'print_log', lambda text, *_: said.append(text))
    return said


@pytest.fixture
def config(tmp_path):
    """A config that names an encoder, which differs from the toy's by what is given."""

    def config(change=0.0, dtype=torch.float32, **settings):
        tensors = build(classifier_cfg()).backbone.vit.state_dict()
        save_file({key: (value + change).to(dtype) for key, value in tensors.items()}, tmp_path / 'encoder.safetensors')
        model = classifier_cfg()
        model['backbone'] |= dict(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'encoder.safetensors')))
        return Config(dict(model=model, **settings))

    return config


def test_another_encoder_than_the_configs_is_said(said, config, tmp_path):
    """Such as where an environment variable has changed which it names. The checkpoint's counts."""
    cfg, trained = config(change=1.0), build(classifier_cfg())
    model = build(cfg.model)
    load_given(model, trained.state_dict(), 'epoch_2.pth', cfg)
    assert said[0].startswith(f'epoch_2.pth holds another encoder than {tmp_path}/encoder.safetensors, which')
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in trained.state_dict().items())
    assert model.backbone.loaded_weights is None


@pytest.mark.parametrize(
    ('stored', 'named'),
    [
        (torch.float32, torch.float32),
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float16),
        (torch.float16, torch.float16),
    ],
)
def test_the_same_encoder_in_fewer_digits_is_no_other(stored, named, said, config):
    cfg = config(dtype=named)
    weights = {key: value.to(stored) for key, value in build(classifier_cfg()).state_dict().items()}
    load_given(build(cfg.model), weights, 'epoch_2.pth', cfg)
    assert not said


def test_what_was_trained_with_its_head_or_is_named_apart_or_is_a_head_is_not_said(said, config):
    cfg, weights = config(change=1.0), build(classifier_cfg()).state_dict()
    options = {'model.backbone.init_cfg.checkpoint': 'x.pth'}
    load_given(build(cfg.model), weights, 'epoch_2.pth', cfg, options)
    load_given(build(cfg.model), {key: weights[key] for key in weights if key.startswith('head.')}, 'head.pth', cfg)
    load_given(build(cfg.model), weights, 'epoch_2.pth', config(change=1.0, finetune=True))
    assert not said


@pytest.mark.parametrize('named', ['away.pth', 'mmssl_robust://../x', 'http://localhost:1/x.pth', 'damaged.pth'])
def test_a_whole_model_needs_no_encoder_of_the_configs(named, said, config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'damaged.pth').write_bytes(b'no checkpoint')
    cfg, trained = config(), build(classifier_cfg())
    cfg.model.backbone.init_cfg.checkpoint = named
    model = build(cfg.model)
    load_given(model, trained.state_dict(), 'epoch_2.pth', cfg)
    assert not said and torch.equal(model.backbone.vit.pos_embed, trained.backbone.vit.pos_embed)


def test_an_encoder_whose_file_lacks_counters(said, tmp_path):
    """As BatchNorm's, which a file need not have."""
    model = classifier_cfg()
    model['backbone'] = dict(type='mmssl_robust.Encoder', spec='timm:resnet18?weights=random')
    model['head']['in_channels'] = 512
    trained = build(model)
    tensors = {
        key: value.clone()
        for key, value in trained.backbone.timm_model.state_dict().items()
        if 'num_batches_tracked' not in key and not key.startswith('fc.')
    }
    save_file(tensors, tmp_path / 'resnet.safetensors')
    model['backbone']['spec'] = f'timm:resnet18?checkpoint={tmp_path}/resnet.safetensors'
    for change in (0, 1):
        weights = {key: value + change * key.endswith('conv1.weight') for key, value in trained.state_dict().items()}
        load_given(build(model), weights, 'epoch_2.pth', Config(dict(model=model)))
        assert len(said) == change
