import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from safetensors.torch import save_file
from toys import CLASSES, build, classifier_cfg

from mmssl_robust.utils import state_dict
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.state_dict import build_with_weights, encoder_apart, load_weights, mismatch, read_weights


def test_mismatch_names_the_keys():
    own = {name: torch.zeros(2) for name in 'abcdefgh'}
    assert mismatch(own, own) == ''
    given = {'a': torch.zeros(3), 'z': torch.zeros(2)}
    assert mismatch(own, given) == 'missing: b, c, d, e and 3 more; unexpected: z; shape: a is (3,), wanted (2,)'


@pytest.mark.parametrize(
    'wrap', [lambda s: s, lambda s: dict(state_dict=s), lambda s: {f'module.{k}': v for k, v in s.items()}]
)
def test_whole_model(tmp_path, wrap):
    model = build(classifier_cfg())
    torch.save(wrap(model.state_dict()), tmp_path / 'model.pth')
    other = build(classifier_cfg(), scale=1)
    load_weights(other, read_weights(tmp_path / 'model.pth'), 'model.pth')
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in model.state_dict().items())


def head_of(model):
    return {key: value for key, value in model.state_dict().items() if key.startswith('head.')}


def test_head_alone_where_the_config_has_the_encoder(tmp_path):
    encoder = {
        key.removeprefix('backbone.vit.'): v for key, v in build(classifier_cfg()).backbone.vit.state_dict().items()
    }
    save_file({key: value + 1 for key, value in encoder.items()}, tmp_path / 'encoder.safetensors')
    cfg = classifier_cfg()
    cfg['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint=str(tmp_path / 'encoder.safetensors'))
    head = head_of(build(classifier_cfg(), scale=3))
    model = build(cfg)
    load_weights(model, head, 'head.safetensors')
    assert torch.equal(model.head.fc.weight, head['head.fc.weight'])
    assert torch.equal(model.backbone.vit.pos_embed, encoder['pos_embed'] + 1)


def test_head_alone_without_an_encoder_is_not_enough():
    model = build(classifier_cfg())
    with pytest.raises(UserError, match='head.pth does not fit the config; missing: backbone.vit.'):
        load_weights(model, head_of(model), 'head.pth')


def test_other_number_of_classes():
    cfg = classifier_cfg()
    cfg['head']['num_classes'] = 7
    with pytest.raises(UserError) as caught:
        load_weights(build(cfg), build(classifier_cfg()).state_dict(), 'x.pth')
    message = str(caught.value)
    assert f'head.fc.weight is ({CLASSES}, 16), wanted (7, 16)' in message and message.endswith(
        '(is num_classes right?)'
    )


def test_other_architecture():
    cfg = classifier_cfg()
    cfg['backbone'] = cfg['backbone'] | dict(arch=cfg['backbone']['arch'] | dict(depth=3, embed_dim=24))
    cfg['head']['in_channels'] = 24
    with pytest.raises(UserError) as caught:
        load_weights(build(cfg), build(classifier_cfg()).state_dict(), 'x.pth')
    message = str(caught.value)
    assert 'missing: backbone.vit.blocks.2' in message and 'num_classes' not in message and '\n' not in message


def test_file_without_weights(tmp_path):
    for content in ([1, 2], dict(epoch=3), torch.zeros(2)):
        torch.save(content, tmp_path / 'x.pth')
        with pytest.raises(UserError, match='holds no weights'):
            read_weights(tmp_path / 'x.pth')


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


def test_whole_model_where_the_encoder_that_is_named_is_none():
    """An encoder without a source, as by ``init_cfg=None``, is in the checkpoint alone."""
    model, other = build(classifier_cfg()), build(classifier_cfg(), scale=1)
    load_weights(other, model.state_dict(), 'model.pth', encoder_apart=True)
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value), key


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


@pytest.mark.parametrize(
    ('frozen', 'change', 'half', 'warned'),
    [(True, 1, False, True), (True, 0, True, False), (False, 1, False, False), (True, None, False, False)],
)
def test_another_encoder_than_the_configs_is_said(tmp_path, monkeypatch, frozen, change, half, warned):
    """Such as where an environment variable has changed which it names; not where it was trained, or cannot be read."""
    said = []
    monkeypatch.setattr(state_dict, 'print_log', lambda text, *_: said.append(text))
    trained = build(classifier_cfg())
    named = {key.removeprefix('vit.'): value + (change or 0) for key, value in trained.backbone.state_dict().items()}
    save_file(dict(other=torch.zeros(2)) if change is None else named, tmp_path / 'encoder.safetensors')
    cfg = classifier_cfg()
    cfg['backbone'] |= dict(
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'encoder.safetensors')), frozen=frozen
    )
    weights = {key: value.half() if half else value for key, value in trained.state_dict().items()}
    model = build(cfg)
    load_weights(model, weights, 'epoch_2.pth')
    assert [text.partition(',')[0] for text in said] == warned * [
        f'epoch_2.pth holds another encoder than {tmp_path}/encoder.safetensors'
    ]
    assert torch.allclose(model.backbone.vit.pos_embed, trained.backbone.vit.pos_embed, atol=1e-3)  # it counts
