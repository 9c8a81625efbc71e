"""Where a newcomer errs, the line says what to do."""

from types import SimpleNamespace

import pytest
import torch
from toys import (
    build,
    classification_batch,
    classifier_cfg,
    depth_batch,
    depth_estimator_cfg,
    segmentation_batch,
    segmentor_cfg,
)

from mmssl_robust.benchmark.suite_files import load_suite
from mmssl_robust.building import build_attack
from mmssl_robust.presets import load_preset
from mmssl_robust.utils.checkpoint import read_checkpoint
from mmssl_robust.utils.errors import UserError
from mmssl_robust.utils.state_dict import load_weights
from mmssl_robust.victims import build_victim

MODELS = {
    'classification': (classifier_cfg(), classification_batch((16, 16))),
    'segmentation': (segmentor_cfg(), segmentation_batch((16, 24), (16, 24))),
    'depth': (depth_estimator_cfg(), depth_batch((16, 24), (16, 24))),
}
FIT = {'classification': 'embed or pgd or autoattack', 'segmentation': 'embed or segpgd or sea'}
FIT['depth'] = 'embed or depthpgd or depth-ensemble'


@pytest.mark.parametrize(
    'task, preset',
    [
        ('segmentation', 'pgd'),
        ('segmentation', 'apgd'),
        ('segmentation', 'depthpgd'),
        ('depth', 'pgd'),
        ('depth', 'segpgd'),
        ('classification', 'segpgd'),
        ('classification', 'depthpgd'),
    ],
)
def test_an_attack_for_another_task_names_those_for_this_one(task, preset):
    model, batch = MODELS[task]
    victim = build_victim(build(model).eval(), batch)
    with pytest.raises(UserError, match=f'use an attack for {task}, {FIT[task]}$'):
        victim.attack(build_attack(load_preset(preset, steps=2)))


@pytest.mark.parametrize('prefix', ['', 'backbone.', 'module.', 'vit.', 'encoder.'])
@pytest.mark.parametrize('task', MODELS)
def test_an_encoder_in_the_place_of_the_head(task, prefix):
    model = build(MODELS[task][0])
    names = {key.removeprefix('vit.'): tensor for key, tensor in model.backbone.state_dict().items()}
    with pytest.raises(UserError, match=r'e.pth holds an encoder and nothing of a head: .*init_cfg.checkpoint=e.pth'):
        load_weights(model, {f'{prefix}{key}': tensor for key, tensor in names.items()}, 'e.pth')


def test_a_head_of_another_size_is_no_encoder():
    model = build(segmentor_cfg())
    head = {key: tensor for key, tensor in model.state_dict().items() if key.startswith('decode_head')}
    head['decode_head.conv_seg.bias'] = torch.zeros(99)
    with pytest.raises(UserError, match='does not fit the config'):
        load_weights(model, head, 'head.pth')


@pytest.mark.parametrize('whole', [torch.nn.Linear(2, 2), SimpleNamespace(a=1), dict(model=torch.nn.ReLU())])
def test_a_pickled_module(tmp_path, whole):
    torch.save(whole, tmp_path / 'whole.pth')
    with pytest.raises(UserError, match=r'could run code; of a whole module save the weights alone, torch.save\(model'):
        read_checkpoint(tmp_path / 'whole.pth')


def test_a_scripted_module(tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / 'whole.pt')
    with pytest.raises(UserError, match=r'of a whole module save the weights alone') as caught:
        read_checkpoint(tmp_path / 'whole.pt')
    assert '\n' not in str(caught.value)


def test_two_encoders_on_one_config(tmp_path):
    (tmp_path / 'two.py').write_text(
        "row_defaults = dict(config='configs/depth/mini_nyu.py', task='depth', data='NYU')\n"
        "rows = [dict(encoder='one'), dict(encoder='my ViT-S', checkpoint='other.pth')]\n"
    )
    words = r"differ in encoder and checkpoint: give each a name of its own, such as name='mini-nyu-my-vit-s-standard'"
    with pytest.raises(UserError, match=words):
        load_suite(str(tmp_path / 'two.py'))
