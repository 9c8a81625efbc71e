"""Frozen heads as references: what they read, that they belong to the encoder, and that they are in no checkpoint."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from safetensors.torch import load_file, save_file
from toys import ARCH, backbone_cfg, write_heads
from toys import method as build
from toys import method_batch as batch

from mmssl_robust.building import build_attack
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
    with pytest.raises(UserError, match='scale=0: give a finite number above 0'):
        task_aware({'classes': heads['classes'] | dict(scale=0)})


class OneNumber(torch.nn.Module):
    def forward(self, feats):
        return feats[-1].flatten(1).sum(dim=1)


def test_a_head_that_predicts_something_else(heads):
    model = build('both', 'mmssl_robust.TaskAware', backbone=BOTH, adversaries=[], heads=heads)
    model.heads['classes'].head = OneNumber()
    with pytest.raises(UserError, match='predicts one number for an image: frozen heads are those of classes'):
        model(**batch(model), mode='loss')


def labelled(heads, **settings):
    """Supervised adversarial training through three heads, and a batch: a class, pixels, depth, and nothing."""
    heads = {name: arguments | dict(labels=True) for name, arguments in heads.items()}
    settings = settings or dict(attack=ATTACK)
    model = build('both', 'mmssl_robust.TaskAware', backbone=BOTH, heads=heads, embedding_weight=0.0, **settings)
    data = batch(model, count=4)
    first, second, third, _ = data['data_samples']
    first.set_gt_label(2)
    second.set_data(dict(gt_sem_seg=PixelData(data=torch.full((1, 16, 16), 1, dtype=torch.uint8))))
    third.set_data(dict(gt_depth_map=PixelData(data=torch.full((1, 16, 16), 2.5))))
    return model, data


def enlarged(prediction):
    return F.interpolate(prediction, (16, 16), mode='bilinear')


def test_each_head_is_held_to_the_labels_of_its_own_images(heads):
    """Against the formulas on the student's predictions for single images; the teacher has no part in it."""
    model, data = labelled(heads, adversaries=[])
    losses = model(**data, mode='loss')
    with torch.no_grad():
        said = {name: head(model.backbone(data['inputs'])).double() for name, head in model.heads.items()}
    expected = dict(
        classes=-said['classes'][0].log_softmax(0)[2],
        pixels=-enlarged(said['pixels'][1:2]).log_softmax(1)[0, 1].mean(),
        depth=(enlarged(said['depth'][2:3]) / 2.5).log().square().mean(),
    )
    for name, loss in expected.items():
        # Of four images one counts; a scale of 2.
        assert losses[f'loss_{name}'].item() == pytest.approx(loss.item() / 4 / 2, rel=1e-5)
    assert (model.cost.forwards, model.cost.backwards) == (4, 4)


def test_the_attack_raises_the_loss_of_the_labels(heads):
    model, data = labelled(heads)
    clean = labelled(heads, adversaries=[])[0]
    clean.load_state_dict(model.state_dict())
    attacked, before = (network(**data, mode='loss') for network in (model, clean))
    assert all(attacked[f'loss_{name}'] > before[f'loss_{name}'] for name in heads)


def test_what_labels_are_attacked_by_is_the_attack_package(heads):
    """The image of a class, and the same PGD on cross-entropy called from outside."""
    attack = ATTACK | dict(steps=3)
    model, data = labelled(heads, attack=attack)
    made = model.batch_of(**data)
    model.perturb(made)
    model.eval()
    outside = build_attack(attack | dict(objective=dict(type='CrossEntropy'), keep='last'))
    head = model.heads['classes']
    result = outside(lambda x: head(made.features(x)), made.pixels[:1], torch.tensor([2]), keys=made.keys[:1])
    assert (made.adv[:1] - made.pixels[:1]).abs().max() > 3 / 255
    torch.testing.assert_close(made.adv[:1], result.adv, atol=1e-6, rtol=0)


def test_an_image_without_labels_is_left_as_it_started(heads):
    """Its loss is 0 wherever it is moved, so that its gradient is exactly zero."""
    model, data = labelled(heads)
    made = model.batch_of(**data)
    model.perturb(made)
    assert made.zero_grad.tolist() == [0, 0, 0, 1]


def test_labels_of_other_tasks_alone(heads):
    """A segmentation head on images of classes would learn nothing, and say nothing."""
    model, data = labelled(dict(pixels=heads['pixels']), adversaries=[])
    with pytest.raises(UserError, match=r'want labels \(gt_sem_seg\): no image of a batch'):
        model(inputs=data['inputs'][:1], data_samples=data['data_samples'][:1], mode='loss')


def test_no_labels_at_all(heads):
    model, data = labelled(heads)
    for samples in (None, batch(model, count=4)['data_samples']):
        with pytest.raises(UserError, match='want labels .* no image of a batch of train_dataloader has one'):
            model(inputs=data['inputs'], data_samples=samples, mode='loss')
