"""Frozen heads as references: what they read, that they belong to the encoder, and that they are in no checkpoint."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from toys import ARCH, backbone_cfg, write_heads
from toys import method as build
from toys import method_batch as batch

from mmssl_robust.utils.errors import UserError

ATTACK = dict(type='PGD', eps='4/255', step_size='2/255', steps=1)
BOTH = backbone_cfg('featmap_cls') | dict(final_norm='both')


@pytest.fixture
def heads(tmp_path):
    return write_heads(tmp_path / 'heads')


def task_aware(heads, backbone=BOTH):
    return build('both', 'mmssl_robust.TaskAware', backbone=backbone, attack=ATTACK, heads=heads)


def test_nothing_moves_where_nothing_is_attacked(heads):
    """The student is the teacher's copy: every distance is 0 on clean images, for all tasks from one forward."""
    model = build('both', 'mmssl_robust.TaskAware', backbone=BOTH, adversaries=[], heads=heads)
    losses = model(**batch(model), mode='loss')
    assert {f'loss_{name}' for name in heads} < losses.keys()
    assert all(value.abs() < 1e-6 for value in losses.values())
    assert (model.cost.forwards, model.cost.backwards) == (3 * 2, 3 * 1)


def test_heads_are_in_no_checkpoint_and_in_the_fingerprint(heads):
    model = task_aware(heads)
    assert {key.split('.')[0] for key in model.state_dict()} == {'backbone'}
    model.train()
    assert not any(module.training for head in model.heads.values() for module in head.modules())
    before = model.fingerprint()
    with torch.no_grad():
        next(model.heads['pixels'].parameters()).add_(1e-3)
    assert model.fingerprint() != before


def test_the_gradient_goes_through_a_head_to_the_student_alone(heads):
    model = task_aware(heads)
    sum(value for name, value in model(**batch(model), mode='loss').items() if 'loss' in name).backward()
    assert all(parameter.grad is not None for parameter in model.backbone.parameters())
    assert all(parameter.grad is None for head in model.heads.values() for parameter in head.parameters())


@pytest.mark.parametrize(
    'name, backbone, says',
    [
        ('depth', dict(final_norm=True), "reads tokens before the final norm: set model.backbone.final_norm='both'"),
        ('pixels', dict(final_norm=False), "reads tokens after the final norm: set model.backbone.final_norm='both'"),
        ('depth', dict(out_type='featmap'), "reads featmap_cls: set model.backbone.out_type='featmap_cls'"),
        ('classes', dict(arch=ARCH | dict(embed_dim=32)), 'belongs to another encoder'),
    ],
)
def test_heads_that_cannot_read_the_student(name, backbone, says, heads):
    with pytest.raises(UserError, match=says):
        task_aware({name: heads[name]}, BOTH | backbone)


def test_weights_that_are_not_the_heads(heads):
    path = heads['classes']['head']
    save_file({f'{key}x': value for key, value in load_file(path).items()}, path)
    with pytest.raises(UserError, match='does not fit its config'):
        task_aware(heads)


def test_a_scale_that_is_none(heads):
    with pytest.raises(UserError, match='scale=0: give a positive number'):
        task_aware({'classes': heads['classes'] | dict(scale=0)})
