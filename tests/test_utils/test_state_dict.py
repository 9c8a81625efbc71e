import pytest
import torch
from safetensors.torch import save_file
from toys import CLASSES, build, classifier_cfg

from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.state_dict import load_weights, mismatch, read_weights


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


def test_whole_model_where_the_encoder_that_is_named_is_none():
    """An encoder without a source, as by ``init_cfg=None``, is in the checkpoint alone."""
    model, other = build(classifier_cfg()), build(classifier_cfg(), scale=1)
    load_weights(other, model.state_dict(), 'model.pth', encoder_apart=True)
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value), key
