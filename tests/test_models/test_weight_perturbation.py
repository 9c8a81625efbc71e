"""Adversarial weight perturbation, against the same by hand on a copy of the model."""

from copy import deepcopy

import pytest
import torch
from toys import method as build
from toys import method_batch as batch

from mmssl_robust.utils.errors import UserError

ATTACK = dict(type='PGD', objective=dict(type='EmbeddingDistance'), eps='4/255', step_size='2/255', steps=2)


def fare(**settings):
    return build('both', 'mmssl_robust.FARE', attack=ATTACK, **settings)


def loss_of(model):
    losses = model(**batch(model), mode='loss')
    return losses['loss_fare'], losses


def test_the_gradient_is_that_at_the_worst_weights():
    """Each matrix moves by gamma of its length along its gradient; the images are those of the weights as they are."""
    model = fare(weight_perturbation=dict(gamma=0.1))
    plain = fare()
    plain.load_state_dict(model.state_dict())
    plain.teacher.load_state_dict(model.teacher.state_dict())
    seen = []
    stated = plain.losses
    plain.losses = lambda made: seen.append(made) or stated(made)
    loss_of(plain)[0].backward()
    by_hand = deepcopy(plain.backbone)
    for value, other in zip(plain.backbone.parameters(), by_hand.parameters()):
        if value.ndim > 1 and value.grad is not None:
            change = 0.1 * value.double().norm() / value.grad.double().norm() * value.grad.double()
            other.data = (value.double() + change).float()
    with torch.no_grad():
        teacher = plain.embed(plain.teacher(seen[0].inputs))
    found = plain.embed(by_hand(seen[0]._space.to_inputs(seen[0].adv)))
    expected = (found - teacher).square().sum(-1).mean()
    by_hand.zero_grad()
    expected.backward()

    loss, _ = loss_of(model)
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    for (name, value), other in zip(model.backbone.named_parameters(), by_hand.parameters()):
        torch.testing.assert_close(value.grad, other.grad, rtol=1e-3, atol=1e-5, msg=name)


def test_weights_stay_where_they_were_and_the_loss_is_higher():
    model, plain = fare(weight_perturbation=dict(gamma=0.05)), fare()
    plain.load_state_dict(model.state_dict())
    before = deepcopy(model.state_dict())
    plain.teacher.load_state_dict(model.teacher.state_dict())
    assert loss_of(model)[0] > loss_of(plain)[0]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert (model.cost.forwards - plain.cost.forwards, model.cost.backwards - plain.cost.backwards) == (3, 3)


def test_there_is_none_before_its_start():
    model, plain = fare(weight_perturbation=dict(gamma=0.05, start=0.5)), fare()
    plain.load_state_dict(model.state_dict())
    plain.teacher.load_state_dict(model.teacher.state_dict())
    model.progress = 0.49
    assert torch.equal(loss_of(model)[0], loss_of(plain)[0])
    model.progress = 0.5
    assert not torch.equal(loss_of(model)[0], loss_of(plain)[0])


def test_layers_without_a_gradient_stay():
    """CLS alone is learnt from, where it is the teacher's: the loss is 0, and so is every gradient."""
    model = build('cls', 'mmssl_robust.FARE', adversaries=[], weight_perturbation=dict())
    loss, _ = loss_of(model)
    loss.backward()
    assert loss == 0
    assert all(
        parameter.grad.isfinite().all() for parameter in model.backbone.parameters() if parameter.grad is not None
    )


@pytest.mark.parametrize(
    'settings, says',
    [
        (dict(gamma=0), 'gamma=0: give a share of the length of a layer, above 0'),
        (dict(gamma=float('nan')), 'gamma=nan: give a share of the length of a layer, above 0'),
        (dict(start=1), r'start=1: give a share of the training in \[0, 1\)'),
        (dict(gama=0.1), 'has no gama: use gamma, start'),
    ],
)
def test_settings(settings, says):
    with pytest.raises(UserError, match=says):
        fare(weight_perturbation=settings)
